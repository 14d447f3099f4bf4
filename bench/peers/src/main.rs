//! Swaps a second of the Rust Cashu mint: `cdk`, its SQLite store as it ships (WAL, synchronous
//! FULL), on a disk of this machine.
//!
//! A swap is what a payee of Cashu does to be sure of a payment, as settling is what one of onehop
//! does: the mint verifies, writes, and signs. Each swap here has one proof and one output of one
//! denomination, the least work that there is. Wallets' work is done before the clock starts.
//!
//! Each line of stdin is a number of swaps; each answer is a JSON object with what they took.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::str::FromStr as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use bip39::Mnemonic;
use cdk::mint::{Mint, MintBuilder, MintInput, MintMeltLimits};
use cdk::types::{FeeReserve, QuoteTTL};
use cdk_common::amount::SplitTarget;
use cdk_common::dhke::construct_proofs;
use cdk_common::nuts::{
    CurrencyUnit, Id, Keys, PaymentMethod, PreMintSecrets, Proof, Proofs, SwapRequest,
};
use cdk_common::nut00::KnownMethod;
use cdk_common::{
    Amount, MintQuoteBolt11Request, MintQuoteBolt11Response, MintQuoteState, MintRequest, QuoteId,
};
use cdk_fake_wallet::FakeWallet;
use clap::Parser;
use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::task::JoinSet;

/// What every proof is worth.
const EACH: u64 = 1;
/// Proofs of one request for new ones.
const AT_ONCE: u64 = 100;

/// The Rust Cashu mint, measured.
#[derive(Debug, Parser)]
struct Args {
    /// Where the mint's database lies [default: a new temporary folder]
    #[arg(long)]
    folder: Option<std::path::PathBuf>,
    /// Swaps under way at once
    #[arg(long, default_value_t = 16)]
    clients: usize,
    /// Threads of the runtime
    #[arg(long, default_value_t = 2)]
    threads: usize,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(args.threads)
        .enable_all()
        .build()?;
    runtime.block_on(run(&args))
}

async fn run(args: &Args) -> Result<()> {
    let owned = tempfile::tempdir()?;
    let folder = args.folder.as_deref().unwrap_or(owned.path());
    let mint = Arc::new(start(folder).await?);
    println!("{}", json!({ "ready": true, "clients": args.clients, "threads": args.threads }));
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        let swaps: usize = line.trim().parse().context("stdin: not a number of swaps")?;
        let requests = prepare(&mint, swaps).await?;
        let begun = Instant::now();
        swap(&mint, requests, args.clients).await?;
        let seconds = begun.elapsed().as_secs_f64();
        println!("{}", json!({ "swaps": swaps, "seconds": seconds }));
    }
    Ok(())
}

async fn start(folder: &Path) -> Result<Mint> {
    let path = folder.join("mint.sqlite");
    let database = Arc::new(cdk_sqlite::mint::MintSqliteDatabase::new(&path).await?);
    let mut builder = MintBuilder::new(database.clone()).with_name("mint".to_owned());
    let reserve = FeeReserve { min_fee_reserve: 1.into(), percent_fee_reserve: 1.0 };
    let paid = FakeWallet::new(
        reserve,
        HashMap::default(),
        HashSet::default(),
        0,
        CurrencyUnit::Sat,
    );
    builder
        .add_payment_processor(
            CurrencyUnit::Sat,
            PaymentMethod::Known(KnownMethod::Bolt11),
            MintMeltLimits::new(1, 1_000_000),
            Arc::new(paid),
        )
        .await?;
    let seed = Mnemonic::generate(12)?.to_seed_normalized("");
    let mint = builder.build_with_seed(database, &seed).await?;
    mint.set_quote_ttl(QuoteTTL::new(10_000, 10_000)).await?;
    mint.start().await?;
    Ok(mint)
}

/// The keyset in use, and its keys.
fn keyset(mint: &Mint) -> Result<(Id, Keys)> {
    let active = mint.get_active_keysets();
    let id = *active.get(&CurrencyUnit::Sat).context("no keyset of that unit")?;
    let found = mint.keyset_pubkeys(&id)?;
    Ok((id, found.keysets.first().context("the keyset has no keys")?.keys.clone()))
}

/// Secrets and blinded messages for `count` proofs.
fn blinded(id: Id, keys: &Keys, count: u64) -> Result<PreMintSecrets> {
    let amounts: Vec<u64> = keys.iter().map(|(amount, _)| amount.to_u64()).collect();
    let target = SplitTarget::Value(Amount::from(EACH));
    let secrets =
        PreMintSecrets::random(id, Amount::from(count * EACH), &target, &(0, amounts).into())?;
    ensure!(secrets.len() as u64 == count, "{} outputs instead of {count}", secrets.len());
    Ok(secrets)
}

/// Proofs that the mint has signed for money that it believes to have received.
async fn proofs(mint: &Mint, count: u64) -> Result<Proofs> {
    let request = MintQuoteBolt11Request {
        amount: Amount::from(count * EACH),
        unit: CurrencyUnit::Sat,
        description: None,
        pubkey: None,
    };
    let quote: MintQuoteBolt11Response<_> = mint.get_mint_quote(request.into()).await?.into();
    let id = QuoteId::from_str(&quote.quote)?;
    loop {
        let found = mint.check_mint_quotes(&[id.clone()]).await?;
        let found: MintQuoteBolt11Response<_> = found.first().context("no quote")?.clone().into();
        if found.state == MintQuoteState::Paid {
            break;
        }
        // The pretended payment takes its time; nothing is measured meanwhile.
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let (keyset, keys) = keyset(mint)?;
    let secrets = blinded(keyset, &keys, count)?;
    let request =
        MintRequest { quote: quote.quote, outputs: secrets.blinded_messages(), signature: None };
    let input = MintInput::Single(request.try_into().map_err(|_| anyhow::anyhow!("bad quote id"))?);
    let answer = mint.process_mint_request(input).await?;
    Ok(construct_proofs(answer.signatures, secrets.rs(), secrets.secrets(), &keys)?)
}

/// As many requests, each of one proof for one new one.
async fn prepare(mint: &Mint, swaps: usize) -> Result<Vec<SwapRequest>> {
    let mut all: Vec<Proof> = Vec::new();
    while all.len() < swaps {
        let left = u64::try_from(swaps - all.len())?;
        all.extend(proofs(mint, left.min(AT_ONCE)).await?);
    }
    let (id, keys) = keyset(mint)?;
    let request = |proof: Proof| {
        let outputs = blinded(id, &keys, 1)?.blinded_messages();
        Ok(SwapRequest::new(vec![proof], outputs))
    };
    all.into_iter().map(request).collect()
}

/// Does all swaps, `clients` at a time.
async fn swap(mint: &Arc<Mint>, requests: Vec<SwapRequest>, clients: usize) -> Result<()> {
    let requests = Arc::new(tokio::sync::Mutex::new(requests));
    let mut tasks = JoinSet::new();
    for _ in 0..clients.max(1) {
        let (mint, requests) = (Arc::clone(mint), Arc::clone(&requests));
        tasks.spawn(async move {
            loop {
                let Some(request) = requests.lock().await.pop() else {
                    return anyhow::Ok(());
                };
                let answer = mint.process_swap_request(request).await?;
                ensure!(answer.signatures.len() == 1, "a swap gave another number of signatures");
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done??;
    }
    Ok(())
}
