//! The wallet on a screen: as lines, in a real terminal, and as pages over HTTP.

mod page;
mod terminal;

use serde_json::json;

use crate::bench::{Bench, Figures};
use crate::process::Running;
use page::Page;
use terminal::Terminal;

/// Waits until a line of text begins so; gives all of it.
#[track_caller]
fn line(process: &mut Running, begins: &str) -> String {
    let text = |line: &serde_json::Value| line["text"].as_str().unwrap_or_default().to_owned();
    let line = process.wait(|line| text(line).starts_with(begins));
    text(&line.unwrap_or_else(|| panic!("ended before {begins:?}: {process:?}")))
}

/// Two pages meet; gives what the buyer's asks.
#[track_caller]
fn asked(buyer: &Page, seller: &Page) -> serde_json::Value {
    assert_eq!(buyer.wish(&json!({ "do": "pay" })), Ok(()));
    assert_eq!(seller.wish(&json!({ "do": "sell", "amount": "7.35", "order": "tea" })), Ok(()));
    let view = buyer.until(|view| view["errand"]["sellers"][0]["number"].is_u64());
    let number = &view["errand"]["sellers"][0]["number"];
    assert_eq!(buyer.wish(&json!({ "do": "choose", "number": number })), Ok(()));
    let view = seller.until(|view| view["errand"]["buyers"][0]["id"].is_string());
    let id = &view["errand"]["buyers"][0]["id"];
    assert_eq!(seller.wish(&json!({ "do": "ask", "id": id })), Ok(()));
    let view = buyer.until(|view| view["errand"]["stage"] == "asked");
    view["errand"]["question"].clone()
}

#[test]
fn two_wallets_as_lines_pay_refuse_and_say_no_to_what_is_not_understood() {
    let bench = Bench::new();
    let office = bench.office("money office");
    bench.enrol("asha", &office, "500");
    bench.enrol("tea shop", &office, "");
    let mut buyer = bench.start_wallet("asha", &["ui", "--plain"]);
    let mut seller = bench.start_wallet("tea shop", &["ui", "--plain"]);
    let money = "asha: available 500.00 INR, held 0.00 INR, in doubt 0.00 INR, received and not \
                 settled 0.00 INR; one payment can use 500.00 INR";
    assert_eq!(line(&mut buyer, "asha:"), money);
    for (said, answer) in [
        ("fly", "\"fly\" is not understood; type help"),
        ("sell tea", "\"sell tea\" is not understood; type help"),
        ("sell five tea", "no: \"five\" is not an amount"),
        ("sell 0 tea", "no: the amount is 0, the least is 0.01 INR"),
        ("yes", "no: the wallet is not looking for anybody"),
        ("resume", "no: nothing is unfinished"),
        ("withdraw 1 EUR", "no: amount is in EUR, the wallet is in INR"),
        ("receipt 00", "no: there is no payment \"00\""),
        ("unfinished", "everything is finished and settled"),
    ] {
        buyer.say(said);
        assert_eq!(line(&mut buyer, answer), answer, "{said}");
    }
    for (yes, amount, end) in [(false, "7.35", "not paid:"), (true, "12.50", "paid:")] {
        buyer.say("pay");
        line(&mut buyer, "buyer mode");
        seller.say(&format!("sell {amount} two teas"));
        let found = line(&mut buyer, "seller ");
        let number = found.trim_start_matches("seller ").split(':').next().unwrap().to_owned();
        assert_eq!(found, format!("seller {number}: tea shop"));
        buyer.say(&format!("choose {number}"));
        let who = line(&mut seller, "buyer asha");
        let code = who.rsplit("code ").next().unwrap().to_owned();
        seller.say(&format!("ask {code}"));
        let asked = line(&mut buyer, "tea shop asks");
        assert_eq!(asked, format!("tea shop asks for {amount} INR for two teas, code {code}"));
        buyer.say(if yes { "yes" } else { "no" });
        let (of_buyer, of_seller) = (line(&mut buyer, end), line(&mut seller, end));
        if yes {
            assert_eq!(of_buyer, "paid: 12.50 INR to \"tea shop\" is paid");
            assert_eq!(of_seller, "paid: \"asha\" paid 12.50 INR");
        } else {
            assert_eq!(of_buyer, "not paid: nothing was paid: declined by the buyer");
            assert_eq!(of_seller, "not paid: 7.35 INR was not paid: declined by the buyer");
        }
    }
    seller.say("settle");
    line(&mut seller, "done: settled with the office");
    for process in [&mut buyer, &mut seller] {
        process.say("quit");
    }
    buyer.finish().done();
    seller.finish().done();
    let none = Figures::default();
    assert_eq!(bench.figures("asha"), Figures { available: 48_750, ..none });
    assert_eq!(
        bench.figures("tea shop").available + bench.figures("tea shop").received_unsettled,
        1_250
    );
}

#[test]
fn a_payment_is_made_in_a_terminal_by_the_keys_that_the_screen_names() {
    let bench = Bench::new();
    let office = bench.office("money office");
    bench.enrol("asha", &office, "500");
    bench.enrol("tea shop", &office, "");
    let mut buyer = Terminal::start(&bench, "asha", 80, 24, &[]);
    let mut seller = Terminal::start(&bench, "tea shop", 80, 24, &[("NO_COLOR", "1")]);
    buyer.sees("Press s to ask for money, or p to pay.");
    for words in ["available              500.00 INR", "held", "in doubt", "nothing yet", "q quit"]
    {
        buyer.sees(words);
    }
    let home = buyer.screen();
    assert_eq!(home.lines().next().unwrap().trim(), format!("onehop  asha {:>65}", "radio off"));
    buyer.types("p");
    buyer.sees("looking for sellers");
    seller.types("s");
    seller.sees("what for");
    seller.types("7.35\rtwo teas\r");
    buyer.sees("1  tea shop");
    buyer.types("\r");
    seller.sees("1  asha  code ");
    seller.types("1");
    buyer.sees("tea shop asks for 7.35 INR");
    buyer.sees("Pay? y / n");
    buyer.types("y");
    buyer.sees("PAID");
    buyer.sees("7.35 INR to \"tea shop\" is paid");
    seller.sees("PAID");
    seller.sees("\"asha\" paid 7.35 INR");
    buyer.types("\r");
    buyer.sees("available              492.65 INR");
    buyer.sees("-7.35 INR to   tea shop");
    seller.types("\r");
    seller.sees("+7.35 INR from asha");
    seller.types("u");
    seller.sees("received, not settled: settle with the office by");
    assert!(buyer.has_colour());
    assert!(!seller.has_colour(), "NO_COLOR");
    seller.resize(60, 24);
    seller.sees("The terminal is 60 x 24, the wallet needs 80 x 24");
    seller.resize(100, 30);
    seller.sees("not finished");
    seller.types("y");
    seller.sees("settled with the office");
    for terminal in [&mut buyer, &mut seller] {
        terminal.types("q");
        terminal.ends(0);
    }
    bench.start_wallet("asha", &["ui"]).finish().fails(2, "use onehop ui --plain");
}

#[test]
fn a_page_opens_once_for_one_browser_and_changes_nothing_for_another_site() {
    let bench = Bench::new();
    let office = bench.office("money office");
    bench.enrol("asha", &office, "500");
    let (process, page) = Page::open(&bench, "asha");
    let taken = page.address.rsplit(':').next().unwrap();
    assert_eq!(page.get("/view", &[]).0, 200);
    // Nobody gets in without the cookie, and the address opens no second time.
    assert_eq!(page.without_cookie("/view").0, 403);
    assert_eq!(page.without_cookie("/").0, 403);
    assert_eq!(page.without_cookie(&page.entry).0, 403);
    assert_eq!(page.get("/", &[("host", "localhost:1")]).0, 403);
    assert_eq!(page.get("/view", &[("origin", "http://evil.example")]).0, 403);
    assert_eq!(page.get("/nothing", &[]).0, 404);
    assert_eq!(page.get("/receipt/00", &[]).0, 404);
    let charge = json!({ "do": "charge", "amount": "1" });
    assert_eq!(page.post(&charge, &[]).0, 403, "without the page's header");
    let (status, answer) = page.post(&json!({ "do": "fly" }), &[("x-onehop", "1")]);
    assert_eq!(status, 422, "{answer}");
    let (status, answer) =
        page.post(&json!({ "do": "stay", "x": "y".repeat(5000) }), &[("x-onehop", "1")]);
    assert_eq!(status, 413, "{answer}");
    assert_eq!(
        page.wish(&json!({ "do": "ask", "id": "1" })),
        Err("the wallet is not looking for anybody".to_owned())
    );
    let (_, _, headers) = page.full("/", &[]);
    let policy = headers.iter().find(|(name, _)| name == "content-security-policy").unwrap();
    assert!(policy.1.starts_with("default-src 'none'; script-src 'self';"), "{policy:?}");
    assert_eq!(page.view()["figures"]["available"], "500.00 INR");
    // The same port again says what to do, once the wallet is not in use.
    bench.enrol("tea shop", &office, "");
    let twice = bench.start_wallet("tea shop", &["ui", "--web", "--web-port", taken]);
    twice.finish().fails(2, &format!("port {taken} cannot be used: something else uses it"));
    process.terminate().done();
}

#[test]
fn two_pages_pay_each_other_and_show_the_receipt() {
    let bench = Bench::new();
    let office = bench.office("money office");
    bench.enrol("asha", &office, "500");
    bench.enrol("tea shop", &office, "");
    let (asha, buyer) = Page::open(&bench, "asha");
    let (shop, seller) = Page::open(&bench, "tea shop");
    assert_eq!(asked(&buyer, &seller)["amount"], "7.35 INR");
    assert_eq!(buyer.wish(&json!({ "do": "answer", "yes": true })), Ok(()));
    let of_buyer = buyer.until(|view| !view["end"].is_null())["end"].clone();
    let of_seller = seller.until(|view| !view["end"].is_null())["end"].clone();
    assert_eq!((&of_buyer["outcome"], &of_seller["outcome"]), (&json!("paid"), &json!("paid")));
    assert_eq!(of_buyer["tx"], of_seller["tx"]);
    buyer.until(|view| view["radio"] == "off");
    let tx = of_buyer["tx"].as_str().unwrap();
    let (status, picture) = buyer.get(&format!("/receipt/{tx}"), &[]);
    assert_eq!((status, picture.starts_with("<?xml")), (200, true), "{picture:.80}");
    let (_, lines) = buyer.get("/history?limit=5", &[]);
    let lines: serde_json::Value = serde_json::from_str(&lines).unwrap();
    assert_eq!((&lines[0]["amount"], &lines[0]["standing"]), (&json!("-7.35 INR"), &json!("paid")));
    for process in [asha, shop] {
        process.terminate().done();
    }
}

#[test]
fn a_locked_wallet_shows_nothing_until_the_pin_is_right_and_asks_again_above_a_sum() {
    let bench = Bench::new();
    let office = bench.office("money office");
    let pin = bench.path("pin");
    std::fs::write(&pin, "2580 steps\n").unwrap();
    let cheap = ["--pin-cost", "8", "--pin-file", pin.as_str()];
    let with_pin = |args: &[&str]| {
        let args = cheap.iter().chain(args).copied().collect::<Vec<_>>();
        bench.wallet("asha", &args).done();
    };
    with_pin(&["init", "--office", &office.url, "--name", "asha"]);
    with_pin(&["charge", "500"]);
    with_pin(&["pin", "above", "5"]);
    bench.enrol("tea shop", &office, "");
    let (asha, buyer) = Page::open(&bench, "asha");
    let view = buyer.view();
    assert_eq!((&view["is_locked"], &view["owner"]), (&json!(true), &json!("")));
    assert_eq!(view["figures"]["available"], "");
    assert_eq!(buyer.wish(&json!({ "do": "pay" })), Err("the wallet is locked".to_owned()));
    let wrong = buyer.wish(&json!({ "do": "unlock", "pin": "2581 steps" }));
    assert_eq!(wrong, Err("wrong PIN; 2 more before the wallet is locked".to_owned()));
    let unlock = json!({ "do": "unlock", "pin": "2580 steps" });
    assert_eq!(buyer.wish(&unlock), Ok(()));
    assert_eq!(buyer.until(|view| view["is_locked"] == false)["owner"], "asha");
    assert_eq!(buyer.wish(&json!({ "do": "lock" })), Ok(()));
    let view = buyer.until(|view| view["is_locked"] == true);
    assert_eq!((&view["owner"], &view["newest"]), (&json!(""), &json!([])));
    assert_eq!(buyer.wish(&unlock), Ok(()));
    let (shop, seller) = Page::open(&bench, "tea shop");
    assert_eq!(asked(&buyer, &seller)["needs_pin"], true);
    let yes = |pin: Option<&str>| buyer.wish(&json!({ "do": "answer", "yes": true, "pin": pin }));
    assert_eq!(yes(None), Err("the PIN is needed for so much".to_owned()));
    let wrong = "wrong PIN; 2 more before the wallet is locked".to_owned();
    assert_eq!(yes(Some("0000 steps")), Err(wrong));
    assert_eq!(yes(Some("2580 steps")), Ok(()));
    let end = buyer.until(|view| !view["end"].is_null())["end"].clone();
    assert_eq!(end["outcome"], "paid");
    for process in [asha, shop] {
        process.terminate().done();
    }
}
