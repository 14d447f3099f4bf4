"use strict";
// The page shows what the wallet says and asks for what the person wants; it decides nothing.

const at = (id) => document.getElementById(id);
const PAGE = 10;
let view = null;
let skip = 0;

function show(id, shown) { at(id).hidden = !shown; }
function text(id, words) { if (at(id).textContent !== words) at(id).textContent = words; }

function element(tag, name, words) {
  const made = document.createElement(tag);
  if (name) made.className = name;
  made.textContent = words;
  return made;
}

async function wish(wanted) {
  show("refusal", false);
  let why = null;
  try {
    const answer = await fetch("/wish", {
      method: "POST",
      headers: { "content-type": "application/json", "x-onehop": "1" },
      body: JSON.stringify(wanted),
    });
    if (!answer.ok) why = answer.status === 409 ? (await answer.json()).why : await answer.text();
  } catch {
    why = "the wallet does not answer";
  }
  if (why !== null) {
    text("refusal", why);
    show("refusal", true);
  }
  return why === null;
}

function payment(line) {
  const item = document.createElement("li");
  const way = line.standing === "not paid" ? "none" : line.way;
  item.append(element("span", `sum ${way}`, line.amount));
  const word = line.way === "out" ? "to" : "from";
  item.append(element("span", "about", `${word} ${line.name}${line.order && ": "}${line.order}`));
  item.append(element("span", "standing", line.standing));
  if (line.has_receipt) {
    const button = element("button", "", "Receipt");
    button.type = "button";
    button.setAttribute("aria-label", `Receipt of ${line.amount} ${word} ${line.name}`);
    button.addEventListener("click", () => receipt(line.tx));
    item.append(button);
  }
  if (line.advice) item.append(element("span", "advice", line.advice));
  return item;
}

function unfinished(line) {
  const item = payment(line);
  item.append(element("span", "advice", `since ${line.since}`));
  return item;
}

// Lists are made anew only when they change, so that focus stays where it is.
const lists = new Map();
function list(id, lines, make, none) {
  const key = JSON.stringify(lines);
  if (lists.get(id) === key) return;
  lists.set(id, key);
  const items = lines.map(make);
  at(id).replaceChildren(...(items.length ? items : [element("li", "", none)]));
}

// A note stands apart from the certified name, so that no name can imitate it.
function choice(words, note, wanted) {
  const item = document.createElement("li");
  const button = element("button", "", words);
  button.type = "button";
  button.addEventListener("click", () => wish(wanted));
  item.append(button);
  if (note !== null) item.append(element("span", "note", `Your note: ${note}`));
  return item;
}

function sell(it) {
  text("errand_title", `Asking for ${it.amount}`);
  const words = {
    looking: `For ${it.order}. Looking for buyers, ${it.seconds_left} s left.`,
    asked: `Asked ${it.asked}, waiting for the answer, ${it.seconds_left} s left.`,
    accepted: `${it.asked} has paid; waiting for the last word.`,
  };
  text("errand_text", words[it.stage]);
  const buyers = it.stage === "looking" ? it.buyers : [];
  list("choices", buyers, (buyer) => choice(`${buyer.name}, code ${buyer.code}`, buyer.note, { do: "ask", id: buyer.id }),
    it.stage === "looking" ? "Nobody yet: the buyer presses Pay." : "");
}

function pay(it) {
  const question = it.question;
  const words = {
    choosing: `Found by sellers for ${it.seconds_left} s.`,
    introduced: `Waiting to be asked, ${it.seconds_left} s left.`,
    asked: question ? `For ${question.order}.` : "",
    declined: "Saying no.",
    held: `The money is held; waiting for the seller, ${it.seconds_left} s left.`,
  };
  text("errand_title", question ? `${question.payee} asks for ${question.amount}` : "Paying");
  text("errand_text", words[it.stage]);
  const sellers = it.stage === "choosing" ? it.sellers : [];
  list("choices", sellers, (seller) => choice(seller.name, seller.note, { do: "choose", number: seller.number }),
    it.stage === "choosing" ? "No seller yet." : "");
  text("code", question ? question.code : "");
  show("code_line", question !== null);
  const note = question ? question.note : null;
  text("note", note === null ? "" : note);
  show("note_line", note !== null);
  show("warning", question !== null && question.in_doubt_with_payee);
  show("yes", it.stage === "asked");
  show("no", it.stage === "asked");
  show("pin_line", it.stage === "asked" && question !== null && question.needs_pin);
}

function errand(it) {
  for (const id of ["code_line", "note_line", "warning", "yes", "no", "pin_line"]) show(id, false);
  show("errand", it.kind !== "none");
  show("stop", it.kind !== "office");
  if (it.kind === "sell") sell(it);
  if (it.kind === "pay") pay(it);
  if (it.kind === "resume") {
    text("errand_title", "Resuming");
    text("errand_text", `Looking for the other wallet of ${it.left} payments, ${it.seconds_left} s left.`);
    list("choices", [], choice, "");
  }
  if (it.kind === "office") {
    text("errand_title", "At the office");
    text("errand_text", it.what);
    list("choices", [], choice, "");
  }
}

function ended(end) {
  const was = at("end").hidden;
  show("end", end !== null);
  if (end === null) return;
  at("end").className = end.outcome;
  text("end_word", end.outcome.replace("_", " "));
  text("end_text", end.text);
  show("end_receipt", end.outcome === "paid" && end.tx !== null);
  if (was) at("end").focus();
}

function draw(next) {
  view = next;
  const was_locked = !at("unlock_form").hidden;
  show("unlock_form", next.is_locked);
  document.querySelector("main").hidden = next.is_locked;
  if (next.is_locked && !was_locked) at("unlock_pin").focus();
  text("owner", next.owner);
  text("radio", `radio ${next.radio}`);
  for (const name of ["available", "held", "in_doubt", "unsettled", "spendable"]) text(name, next.figures[name]);
  errand(next.errand);
  ended(next.end);
  show("actions", next.errand.kind === "none" && next.end === null);
  show("open_payments", next.unfinished.length > 0);
  show("resumptions", next.unfinished.some((line) => line.can_resume));
  list("unfinished", next.unfinished, unfinished, "");
  list("newest", next.newest, payment, "Nothing yet.");
  text("office", next.office);
  text("limits", next.limits.replace(/^limits: /, "") || "none");
  list("notices", next.notices, (words) => element("li", "", words), "");
  if (!at("all").hidden) page();
}

async function page() {
  const answer = await fetch(`/history?skip=${skip}&limit=${PAGE}`);
  if (!answer.ok) return;
  const lines = await answer.json();
  list("history", lines, payment, "Nothing here.");
  at("newer").disabled = skip === 0;
  at("older").disabled = lines.length < PAGE;
}

function receipt(tx) {
  at("receipt_code").src = `/receipt/${tx}`;
  show("receipt", true);
  at("receipt").focus();
  at("receipt").scrollIntoView();
}

function theme(name) {
  document.documentElement.dataset.theme = name;
  at("theme").setAttribute("aria-pressed", String(name === "dark"));
}

function toggle(id, other) {
  show(other, false);
  show(id, at(id).hidden);
  if (!at(id).hidden) at(id).querySelector("input").focus();
}

function listen() {
  const events = new EventSource("/events");
  events.addEventListener("message", (event) => {
    show("away", false);
    draw(JSON.parse(event.data));
  });
  events.addEventListener("error", () => show("away", true));
}

const press = (id, action) => at(id).addEventListener("click", action);
press("open_sell", () => toggle("sell_form", "charge_form"));
press("open_charge", () => toggle("charge_form", "sell_form"));
press("pay", () => wish({ do: "pay" }));
press("sync", () => wish({ do: "sync" }));
press("stop", () => wish({ do: "stop" }));
press("yes", () => {
  const pin = at("pin_line").hidden ? null : at("pin").value;
  at("pin").value = "";
  wish({ do: "answer", yes: true, pin });
});
press("lock", () => wish({ do: "lock" }));
press("no", () => wish({ do: "answer", yes: false }));
press("dismiss", () => wish({ do: "dismiss" }));
press("resume", () => wish({ do: "resume" }));
press("resume_office", () => wish({ do: "resume_at_office" }));
press("end_receipt", () => receipt(view.end.tx));
press("close_receipt", () => show("receipt", false));
press("more", () => { show("all", at("all").hidden); skip = 0; page(); });
press("newer", () => { skip = Math.max(0, skip - PAGE); page(); });
press("older", () => { skip += PAGE; page(); });
press("theme", () => theme(document.documentElement.dataset.theme === "dark" ? "light" : "dark"));
at("sell_form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const wanted = { do: "sell", amount: at("sell_amount").value, order: at("sell_order").value };
  if (await wish(wanted)) { at("sell_form").reset(); show("sell_form", false); }
});
at("charge_form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const wanted = { do: event.submitter?.value || "charge", amount: at("charge_amount").value };
  if (await wish(wanted)) { at("charge_form").reset(); show("charge_form", false); }
});
at("unlock_form").addEventListener("submit", (event) => {
  event.preventDefault();
  const pin = at("unlock_pin").value;
  at("unlock_form").reset();
  wish({ do: "unlock", pin });
});
theme(matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
listen();
