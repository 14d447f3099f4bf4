//! Keys pressed and screens drawn, without a terminal.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::draw::{Palette, draw};
use super::face::{Do, Face, Page};
use crate::ui::view::{
    Buyer, End, Errand, Figures, Line, Outcome, Paying, Question, Seller, Selling, View,
};
use crate::ui::wish::Wish;

fn view() -> View {
    let figures = Figures {
        available: "492.65 INR".to_owned(),
        held: "0.00 INR".to_owned(),
        in_doubt: "0.00 INR".to_owned(),
        unsettled: "0.00 INR".to_owned(),
        spendable: "492.65 INR".to_owned(),
    };
    let line = Line {
        tx: "ab".repeat(32),
        short: "abababab".to_owned(),
        way: "out",
        amount: "-7.35 INR".to_owned(),
        name: "tea shop with a very long name".to_owned(),
        order: "two teas".to_owned(),
        standing: "paid",
        since: "2026-11-21T09:30Z".to_owned(),
        advice: String::new(),
        can_resume: false,
        has_receipt: true,
    };
    View {
        owner: "asha".to_owned(),
        radio: "off".to_owned(),
        figures,
        newest: vec![line],
        ..View::default()
    }
}

fn screen(view: &View, face: &Face, width: u16, height: u16) -> Vec<String> {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    let palette = Palette { has_color: false };
    terminal.draw(|frame| draw(frame, view, face, palette)).unwrap();
    let buffer = terminal.backend().buffer().clone();
    let row = |y: u16| {
        let cells = (0..width).map(|x| buffer[(x, y)].symbol().to_owned());
        cells.collect::<String>().trim_end().to_owned()
    };
    (0..height).map(row).collect()
}

fn press(face: &mut Face, view: &View, code: KeyCode) -> Option<Do> {
    face.on_key(KeyEvent::new(code, KeyModifiers::NONE), view)
}

#[test]
fn the_home_view_has_the_figures_the_payments_and_the_keys() {
    let lines = screen(&view(), &Face::default(), 80, 24);
    assert_eq!(lines[0], format!(" onehop  asha {:>65}", "radio off"));
    assert_eq!(lines[1], format!("┌ money {}┐", "─".repeat(71)));
    assert_eq!(lines[2].trim_end_matches(['│', ' ']), "│available              492.65 INR");
    assert_eq!(lines[3].trim_end_matches(['│', ' ']), "│held                     0.00 INR");
    assert_eq!(
        lines[9].trim_end_matches(['│', ' ']),
        "│       -7.35 INR to   tea shop with a v… paid     two teas"
    );
    assert!(lines[16].contains("Press s to ask for money, or p to pay."), "{lines:#?}");
    assert!(
        lines[23].starts_with(" s sell  p pay  u open") && lines[23].ends_with("q quit"),
        "{lines:#?}"
    );
}

#[test]
fn a_terminal_too_small_is_told_what_to_do_in_any_size() {
    let lines = screen(&view(), &Face::default(), 79, 24).join(" ");
    assert!(lines.contains("The terminal is 79 x 24, the wallet needs 80 x 24"), "{lines}");
    for (width, height) in [(1, 1), (20, 3), (80, 23), (200, 5)] {
        screen(&view(), &Face::default(), width, height);
    }
}

#[test]
fn what_is_asked_stands_with_the_amount_the_payee_and_the_code_and_only_y_pays() {
    let question = Question {
        payee: "tea shop".to_owned(),
        note: Some("the stall with the green door, opposite the station".to_owned()),
        amount: "7.35 INR".to_owned(),
        order: "two teas".to_owned(),
        code: "012 345".to_owned(),
        needs_pin: false,
        in_doubt_with_payee: true,
    };
    let errand = Errand::Pay {
        stage: Paying::Asked,
        sellers: Vec::new(),
        question: Some(question),
        seconds_left: 99,
    };
    let view = View { errand, ..view() };
    let mut face = Face::default();
    let lines = screen(&view, &face, 80, 24).join("\n");
    for words in [
        "tea shop asks for 7.35 INR",
        "code 012 345 on both screens   your note: the stall with the green door, oppo…",
        "a second one",
        "Pay? y / n",
    ] {
        assert!(lines.contains(words), "{words} in\n{lines}");
    }
    for code in [KeyCode::Enter, KeyCode::Char('p'), KeyCode::Char(' '), KeyCode::Char('1')] {
        assert_eq!(press(&mut face, &view, code), None, "{code:?}");
    }
    let answer = |yes| Some(Do::Wish(Wish::Answer { yes, pin: None }));
    assert_eq!(press(&mut face, &view, KeyCode::Char('y')), answer(true));
    assert_eq!(press(&mut face, &view, KeyCode::Char('n')), answer(false));
    assert_eq!(press(&mut face, &view, KeyCode::Esc), Some(Do::Wish(Wish::Stop)));
}

#[test]
fn buyers_and_sellers_are_chosen_by_arrows_or_number_and_nobody_by_an_empty_list() {
    let buyer = |id: &str| Buyer {
        id: id.to_owned(),
        name: "asha".to_owned(),
        note: None,
        code: id.to_owned(),
    };
    let sell = |buyers| Errand::Sell {
        amount: "7.35 INR".to_owned(),
        order: "tea".to_owned(),
        stage: Selling::Looking,
        buyers,
        asked: String::new(),
        seconds_left: 1,
    };
    let ask = |id: &str| Some(Do::Wish(Wish::Ask { id: id.to_owned() }));
    let mut face = Face::default();
    let two = View { errand: sell(vec![buyer("1"), buyer("2")]), ..view() };
    assert_eq!(press(&mut face, &two, KeyCode::Enter), ask("1"));
    assert_eq!(press(&mut face, &two, KeyCode::Char('2')), ask("2"));
    assert_eq!(press(&mut face, &two, KeyCode::Char('3')), None);
    for _ in 0..3 {
        assert_eq!(press(&mut face, &two, KeyCode::Down), None);
    }
    assert_eq!(press(&mut face, &two, KeyCode::Enter), ask("2"));
    let none = View { errand: sell(Vec::new()), ..view() };
    assert_eq!(press(&mut face, &none, KeyCode::Enter), None);
    let sellers = vec![Seller { number: 7, name: "tea shop".to_owned(), note: None }];
    let errand = Errand::Pay { stage: Paying::Choosing, sellers, question: None, seconds_left: 1 };
    let pay = View { errand, ..view() };
    let choose = Some(Do::Wish(Wish::Choose { number: 7 }));
    assert_eq!(press(&mut Face::default(), &pay, KeyCode::Char('1')), choose);
}

#[test]
fn a_note_stands_below_the_name_and_the_chosen_one_stays_in_sight() {
    let seller = |number: u64| Seller {
        number,
        name: format!("shop {number}"),
        note: Some(format!("note {number}")),
    };
    let sellers = (1..=9).map(seller).collect();
    let errand = Errand::Pay { stage: Paying::Choosing, sellers, question: None, seconds_left: 1 };
    let view = View { errand, ..view() };
    let mut face = Face::default();
    let panel = |face: &Face| {
        let lines = screen(&view, face, 80, 24);
        let text = |line: &String| line.trim_matches('│').trim_end().to_owned();
        lines[16..21].iter().map(text).collect::<Vec<_>>()
    };
    let first = ["> 1  shop 1", "     your note: note 1", "  2  shop 2", "     your note: note 2"];
    assert_eq!(panel(&face)[1..], first);
    for _ in 1..9 {
        press(&mut face, &view, KeyCode::Down);
    }
    let last = ["  8  shop 8", "     your note: note 8", "> 9  shop 9", "     your note: note 9"];
    assert_eq!(panel(&face)[1..], last);
    assert_eq!(panel(&face)[0], "looking for sellers, 1 s left");
}

#[test]
fn a_form_is_filled_in_and_asks_for_what_it_says() {
    let (mut face, view) = (Face::default(), view());
    assert_eq!(press(&mut face, &view, KeyCode::Char('s')), None);
    for code in "7.355".chars().map(KeyCode::Char).chain([KeyCode::Backspace, KeyCode::Enter]) {
        assert_eq!(press(&mut face, &view, code), None);
    }
    for code in "tea q".chars().map(KeyCode::Char) {
        assert_eq!(press(&mut face, &view, code), None);
    }
    let lines = screen(&view, &face, 80, 24).join("\n");
    assert!(
        lines.contains("  amount     7.35") && lines.contains("> what for   tea q_"),
        "{lines}"
    );
    let sell = Wish::Sell { amount: "7.35".to_owned(), order: "tea q".to_owned() };
    assert_eq!(press(&mut face, &view, KeyCode::Enter), Some(Do::Wish(sell)));
    assert_eq!(face.page, Page::Home);
    press(&mut face, &view, KeyCode::Char('c'));
    assert_eq!(press(&mut face, &view, KeyCode::Esc), None);
    assert_eq!(face.page, Page::Home);
}

#[test]
fn an_end_is_said_in_a_word_and_a_sentence_and_stays_until_it_is_seen() {
    for (outcome, word) in [
        (Outcome::Paid, "PAID"),
        (Outcome::NotPaid, "NOT PAID"),
        (Outcome::InDoubt, "IN DOUBT"),
        (Outcome::Failed, "FAILED"),
    ] {
        let end = End { outcome, text: "a sentence".to_owned(), tx: Some("ab".repeat(32)) };
        let view = View { end: Some(end), ..view() };
        let mut face = Face::default();
        let lines = screen(&view, &face, 80, 24);
        assert!(lines.iter().any(|line| line.trim_matches(['│', ' ']) == word), "{lines:#?}");
        assert!(lines.iter().any(|line| line.trim_matches(['│', ' ']) == "a sentence"));
        assert_eq!(press(&mut face, &view, KeyCode::Char('s')), None);
        assert_eq!(press(&mut face, &view, KeyCode::Char('e')), Some(Do::Receipt("ab".repeat(32))));
        assert_eq!(press(&mut face, &view, KeyCode::Enter), Some(Do::Wish(Wish::Dismiss)));
    }
}

#[test]
fn what_is_not_finished_stands_with_whom_since_when_and_what_to_do() {
    let advice = "do not pay again: resume near them, or ask the office".to_owned();
    let open = Line { standing: "in doubt", advice, can_resume: true, ..view().newest.remove(0) };
    let mut view = View { unfinished: vec![open; 9], ..view() };
    view.unfinished[8].since = "2026-11-22T10:00Z".to_owned();
    view.unfinished[8].advice = "the last advice".to_owned();
    let mut face = Face::default();
    press(&mut face, &view, KeyCode::Char('u'));
    let row = |lines: &[String], y: usize| lines[y].trim_end_matches(['│', ' ']).to_owned();
    let lines = screen(&view, &face, 80, 24);
    assert_eq!(row(&lines, 2), "│       -7.35 INR to   tea shop with a v… in doubt two teas");
    assert_eq!(row(&lines, 3), format!("│{:17}since 2026-11-21T09:30Z", ""));
    assert_eq!(
        row(&lines, 4),
        format!("│{:17}do not pay again: resume near them, or ask the office", "")
    );
    // The last one is in sight once it is chosen.
    for _ in 0..8 {
        press(&mut face, &view, KeyCode::Down);
    }
    let lines = screen(&view, &face, 80, 24).join("\n");
    assert!(lines.contains("since 2026-11-22T10:00Z"), "{lines}");
    assert!(lines.contains("the last advice"), "{lines}");
}

#[test]
fn a_locked_wallet_shows_nothing_but_the_way_in_and_what_is_typed_is_not_seen() {
    let view = View { is_locked: true, ..View::default() };
    let mut face = Face::default();
    let lines = screen(&view, &face, 80, 24).join("\n");
    assert!(lines.contains("The wallet is locked. Press any key to type its PIN."), "{lines}");
    assert!(!lines.contains("available"), "{lines}");
    for code in "s2580".chars().map(KeyCode::Char) {
        assert_eq!(press(&mut face, &view, code), None);
    }
    let lines = screen(&view, &face, 80, 24).join("\n");
    assert!(lines.contains("> PIN        *****_") && !lines.contains("2580"), "{lines}");
    press(&mut face, &view, KeyCode::Backspace);
    let pin = "s258".to_owned().into();
    assert_eq!(press(&mut face, &view, KeyCode::Enter), Some(Do::Wish(Wish::Unlock { pin })));
    press(&mut face, &view, KeyCode::Enter);
    assert_eq!(press(&mut face, &view, KeyCode::Esc), Some(Do::Quit));
}
