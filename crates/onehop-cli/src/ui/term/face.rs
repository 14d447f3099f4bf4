//! What the person does at the terminal: keys in, wishes out. Pure, so that tests can press them.

#![expect(clippy::wildcard_enum_match_arm, reason = "most keys mean nothing here")]

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::ui::view::{Errand, Line, Paying, Selling, View};
use crate::ui::wish::Wish;

/// Lines of the history on one page.
pub(super) const PAGE: usize = 12;
/// The field of a PIN.
const PIN: &str = "PIN";
/// Longest text that a person types into a field.
const FIELD_MAX: usize = 60;

/// What the terminal shows.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) enum Page {
    /// The figures, the newest payments, and what goes on.
    #[default]
    Home,
    /// Fields to fill in.
    Form(Form),
    /// All payments.
    History,
    /// What is not finished.
    Unfinished,
    /// The evidence of a payment, as a QR code.
    Receipt(Vec<String>),
    /// The office, the limits, and what happened.
    About,
}

/// Fields to fill in.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Form {
    pub(super) what: Asked,
    /// Name and text of each.
    pub(super) fields: Vec<(&'static str, String)>,
    pub(super) at: usize,
}

/// What a form is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Asked {
    /// The PIN of a locked wallet.
    Unlock,
    /// The PIN, for what is to be paid.
    Pin,
    Sell,
    Charge,
    Withdraw,
}

/// What a key asks for beyond the screen.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Do {
    Wish(Wish),
    /// Read this page of the history.
    History(usize),
    /// Fetch the evidence of this payment.
    Receipt(String),
    Quit,
}

/// The person's side of the screen.
#[derive(Clone, Debug, Default)]
pub(super) struct Face {
    pub(super) page: Page,
    /// The line that is chosen.
    pub(super) chosen: usize,
    /// The page of the history that is shown.
    pub(super) history: Vec<Line>,
    pub(super) history_page: usize,
    /// Why the last wish was not granted.
    pub(super) refusal: String,
}

impl Face {
    /// Takes a key.
    pub(super) fn on_key(&mut self, key: KeyEvent, view: &View) -> Option<Do> {
        let is_control = key.modifiers.contains(KeyModifiers::CONTROL);
        if is_control && key.code == KeyCode::Char('c') {
            return Some(Do::Quit);
        }
        self.refusal.clear();
        if view.is_locked && !matches!(self.page, Page::Form(_)) {
            self.ask(Asked::Unlock, &[PIN]);
        }
        match &mut self.page {
            Page::Home => self.on_home(key.code, view),
            Page::Form(_) => self.on_form(key.code, view),
            Page::History => self.on_history(key.code),
            Page::Unfinished => self.on_unfinished(key.code, view),
            Page::Receipt(_) | Page::About => {
                self.go(Page::Home);
                None
            }
        }
    }

    /// Shows another page, its first line chosen.
    pub(super) fn go(&mut self, page: Page) {
        self.page = page;
        self.chosen = 0;
    }

    /// Shows empty fields.
    pub(super) fn ask(&mut self, what: Asked, fields: &[&'static str]) {
        let fields = fields.iter().map(|name| (*name, String::new())).collect();
        self.go(Page::Form(Form { what, fields, at: 0 }));
    }

    fn on_home(&mut self, code: KeyCode, view: &View) -> Option<Do> {
        if view.end.is_some() {
            return self.on_end(code, view);
        }
        match &view.errand {
            Errand::None => self.on_idle(code),
            Errand::Sell { stage: Selling::Looking, buyers, .. } => {
                let wish = |at: usize| buyers.get(at).map(|it| Wish::Ask { id: it.id.clone() });
                self.on_list(code, buyers.len(), wish)
            }
            Errand::Pay { stage: Paying::Choosing, sellers, .. } => {
                let wish = |at: usize| sellers.get(at).map(|it| Wish::Choose { number: it.number });
                self.on_list(code, sellers.len(), wish)
            }
            Errand::Pay { stage: Paying::Asked, question, .. } => match code {
                KeyCode::Char('y') if question.as_ref().is_some_and(|it| it.needs_pin) => {
                    self.ask(Asked::Pin, &[PIN]);
                    None
                }
                KeyCode::Char('y') => Some(Do::Wish(Wish::Answer { yes: true, pin: None })),
                KeyCode::Char('n') => Some(Do::Wish(Wish::Answer { yes: false, pin: None })),
                _ => on_stop(code),
            },
            Errand::Sell { .. } | Errand::Pay { .. } | Errand::Resume { .. } => on_stop(code),
            Errand::Office { .. } => (code == KeyCode::Char('q')).then_some(Do::Quit),
        }
    }

    fn on_end(&mut self, code: KeyCode, view: &View) -> Option<Do> {
        let tx = view.end.as_ref().and_then(|end| end.tx.clone());
        match (code, tx) {
            (KeyCode::Char('e'), Some(tx)) => Some(Do::Receipt(tx)),
            (KeyCode::Char('q'), _) => Some(Do::Quit),
            (KeyCode::Enter | KeyCode::Esc, _) => Some(Do::Wish(Wish::Dismiss)),
            _ => None,
        }
    }

    fn on_idle(&mut self, code: KeyCode) -> Option<Do> {
        match code {
            KeyCode::Char('s') => self.ask(Asked::Sell, &["amount", "what for"]),
            KeyCode::Char('c') => self.ask(Asked::Charge, &["amount"]),
            KeyCode::Char('w') => self.ask(Asked::Withdraw, &["amount"]),
            KeyCode::Char('l') => return Some(Do::Wish(Wish::Lock)),
            KeyCode::Char('u') => self.go(Page::Unfinished),
            KeyCode::Char('a') => self.go(Page::About),
            KeyCode::Char('p') => return Some(Do::Wish(Wish::Pay)),
            KeyCode::Char('y') => return Some(Do::Wish(Wish::Sync)),
            KeyCode::Char('h') => {
                self.go(Page::History);
                self.history_page = 0;
                return Some(Do::History(0));
            }
            KeyCode::Char('q') => return Some(Do::Quit),
            _ => {}
        }
        None
    }

    /// A list to choose from with the arrows and Enter, or by its number.
    fn on_list(
        &mut self,
        code: KeyCode,
        len: usize,
        wish: impl Fn(usize) -> Option<Wish>,
    ) -> Option<Do> {
        match code {
            KeyCode::Up => self.chosen = self.chosen.saturating_sub(1),
            KeyCode::Down => self.chosen = self.chosen.saturating_add(1).min(len.saturating_sub(1)),
            KeyCode::Enter => return wish(self.chosen.min(len.saturating_sub(1))).map(Do::Wish),
            KeyCode::Char(digit @ '1'..='9') => {
                let at = digit.to_digit(10).and_then(|digit| digit.checked_sub(1));
                let at = at.and_then(|at| usize::try_from(at).ok());
                return at.and_then(wish).map(Do::Wish);
            }
            _ => return on_stop(code),
        }
        None
    }

    fn on_form(&mut self, code: KeyCode, view: &View) -> Option<Do> {
        let Page::Form(form) = &mut self.page else {
            return None;
        };
        let last = form.fields.len().saturating_sub(1);
        match code {
            KeyCode::Esc if view.is_locked => return Some(Do::Quit),
            KeyCode::Esc => self.go(Page::Home),
            KeyCode::Up | KeyCode::BackTab => form.at = form.at.saturating_sub(1),
            KeyCode::Down | KeyCode::Tab => form.at = form.at.saturating_add(1).min(last),
            KeyCode::Enter if form.at < last => form.at = form.at.saturating_add(1),
            KeyCode::Enter => {
                let wish = form.wish();
                self.go(Page::Home);
                return Some(Do::Wish(wish));
            }
            KeyCode::Backspace => {
                if let Some((_, text)) = form.fields.get_mut(form.at) {
                    text.pop();
                }
            }
            KeyCode::Char(letter) => {
                if let Some((_, text)) = form.fields.get_mut(form.at)
                    && text.chars().count() < FIELD_MAX
                {
                    text.push(letter);
                }
            }
            _ => {}
        }
        None
    }

    fn on_history(&mut self, code: KeyCode) -> Option<Do> {
        let last = self.history.len().saturating_sub(1);
        match code {
            KeyCode::Up => self.chosen = self.chosen.saturating_sub(1),
            KeyCode::Down => self.chosen = self.chosen.saturating_add(1).min(last),
            KeyCode::PageDown | KeyCode::Char('n') if self.history.len() == PAGE => {
                self.history_page = self.history_page.saturating_add(1);
                self.chosen = 0;
                return Some(Do::History(self.history_page));
            }
            KeyCode::PageUp | KeyCode::Char('b') if self.history_page > 0 => {
                self.history_page = self.history_page.saturating_sub(1);
                self.chosen = 0;
                return Some(Do::History(self.history_page));
            }
            KeyCode::Enter | KeyCode::Char('e') => {
                let line = self.history.get(self.chosen).filter(|line| line.has_receipt);
                if line.is_none() {
                    "only what is paid has evidence".clone_into(&mut self.refusal);
                }
                return line.map(|line| Do::Receipt(line.tx.clone()));
            }
            KeyCode::Esc | KeyCode::Char('q') => self.go(Page::Home),
            _ => {}
        }
        None
    }

    fn on_unfinished(&mut self, code: KeyCode, view: &View) -> Option<Do> {
        let wish = match code {
            KeyCode::Char('r') => Wish::Resume,
            KeyCode::Char('o') => Wish::ResumeAtOffice,
            KeyCode::Char('y') => Wish::Sync,
            KeyCode::Up => {
                self.chosen = self.chosen.saturating_sub(1);
                return None;
            }
            KeyCode::Down => {
                let last = view.unfinished.len().saturating_sub(1);
                self.chosen = self.chosen.saturating_add(1).min(last);
                return None;
            }
            _ => {
                self.go(Page::Home);
                return None;
            }
        };
        self.go(Page::Home);
        Some(Do::Wish(wish))
    }
}

impl Form {
    /// True if what is typed is not to be read over the shoulder.
    pub(super) const fn is_secret(&self) -> bool {
        matches!(self.what, Asked::Unlock | Asked::Pin)
    }

    fn wish(&self) -> Wish {
        let text =
            |at: usize| self.fields.get(at).map(|(_, text)| text.clone()).unwrap_or_default();
        match self.what {
            Asked::Unlock => Wish::Unlock { pin: text(0).into() },
            Asked::Pin => Wish::Answer { yes: true, pin: Some(text(0).into()) },
            Asked::Sell => Wish::Sell { amount: text(0), order: text(1) },
            Asked::Charge => Wish::Charge { amount: text(0) },
            Asked::Withdraw => Wish::Withdraw { amount: text(0) },
        }
    }
}

fn on_stop(code: KeyCode) -> Option<Do> {
    match code {
        KeyCode::Esc | KeyCode::Char('x') => Some(Do::Wish(Wish::Stop)),
        _ => None,
    }
}
