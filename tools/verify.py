#!/usr/bin/env python3
"""Verifies onehop from its specification alone: vectors, messages, case files, fork proofs, an office's books.

Exit codes: 0 all holds, 1 something does not, 2 the command line or a file cannot be used.
Needs Python 3.11 and the package cryptography.
"""

import argparse
import json
import sys

if sys.version_info < (3, 11):
    sys.exit("verify: Python 3.11 or newer is needed")
try:
    from verifier import audit, fork, judge, messages, vectors
except ModuleNotFoundError as error:
    print(f"verify: the Python package {error.name} is missing", file=sys.stderr)
    sys.exit(2)


def run_vectors(args):
    cases, failed, skipped = vectors.check_folder(args.folder)
    for line in failed:
        print(line)
    for line in skipped:
        print(f"skipped {line}", file=sys.stderr)
    if args.json:
        print(json.dumps({"cases": cases, "failed": len(failed), "skipped": skipped}))
    else:
        print(f"{cases} cases, {len(failed)} failed")
    return not failed


def run_fork(args):
    with open(args.file, "rb") as file:
        data = file.read()
    try:
        wallet, rule, proof = fork.check_proof(data, bytes.fromhex(args.root))
    except (fork.Fault, fork.Refused) as error:
        print(f"not a proof: {error}")
        return False
    print(f"guilty {wallet.hex()}: {rule}, proof {proof.hex()}")
    return True


def run_judge(args):
    with open(args.file, "rb") as file:
        data = file.read()
    try:
        findings = judge.judge(data, bytes.fromhex(args.root))
    except (judge.Unverified, judge.Refused) as error:
        print(f"refused: {error}")
        return False
    for row, guilty, first, second in findings:
        who = "the office" if guilty is None else guilty.hex()
        print(f"guilty {who}: row {row}, {first} and {second}")
    if not findings:
        print("nobody is guilty")
    return True


def run_cases(args):
    lines = sys.stdin if args.file == "-" else open(args.file, encoding="ascii")
    with lines:
        for verdict in judge.verdicts(lines):
            print(verdict)
    return True


def run_messages(args):
    lines = sys.stdin if args.file == "-" else open(args.file, encoding="ascii")
    with lines:
        for verdict in messages.verdicts(lines):
            print(verdict)
    return True


def run_audit(args):
    holds = True
    for name in args.files:
        with open(name, encoding="utf-8") as file:
            report = audit.audit_file(file)
        for line in report.findings:
            print(f"{name}: {line}")
        if args.json:
            print(json.dumps(report.figures()))
        else:
            print(f"{name}: {report}")
        holds &= not report.findings
    return holds


def main():
    parser = argparse.ArgumentParser(prog="verify.py", description=__doc__.splitlines()[0])
    tasks = parser.add_subparsers(required=True, metavar="TASK")
    task = tasks.add_parser("vectors", help="check every case of a folder of vectors")
    task.add_argument("folder", nargs="?", default="vectors")
    task.add_argument("--json", action="store_true", help="the figures as a JSON object")
    task.set_defaults(run=run_vectors)
    task = tasks.add_parser("audit", help="recompute an office's books from its evidence")
    task.add_argument("files", nargs="+", metavar="FILE", help="what money-office export wrote")
    task.add_argument("--json", action="store_true", help="the figures as a JSON object")
    task.set_defaults(run=run_audit)
    task = tasks.add_parser("fork", help="check a fork proof and name the guilty wallet")
    task.add_argument("file", metavar="FILE")
    task.add_argument("--root", required=True, metavar="HEX", help="the office's first root key")
    task.set_defaults(run=run_fork)
    task = tasks.add_parser("judge", help="name the guilty of a case file, or nobody")
    task.add_argument("file", metavar="FILE")
    task.add_argument("--root", required=True, metavar="HEX", help="the office's first root key")
    task.set_defaults(run=run_judge)
    task = tasks.add_parser("cases", help="one judgement for each line: ROOT CASE-FILE in hex")
    task.add_argument("file", metavar="FILE", help="- for stdin")
    task.set_defaults(run=run_cases)
    task = tasks.add_parser("messages", help="one verdict for each line: TYPE HEX")
    task.add_argument("file", metavar="FILE", help="- for stdin")
    task.set_defaults(run=run_messages)
    args = parser.parse_args()
    try:
        return 0 if args.run(args) else 1
    except (OSError, ValueError) as error:
        print(f"verify: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
