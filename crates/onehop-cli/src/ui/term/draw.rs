//! The terminal's picture of a [`View`]. What colour says, a sign and a word say too.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line as Row, Span};
use ratatui::widgets::{Block, Paragraph, Wrap};

use super::face::{Asked, Face, Form, Page};
use crate::ui::view::{End, Errand, Line, Outcome, Paying, Question, Selling, View};

/// The least terminal that everything fits in.
pub(super) const WIDTH: u16 = 80;
/// Its lines.
pub(super) const HEIGHT: u16 = 24;

/// Whether to use colour; `NO_COLOR` says no.
#[derive(Clone, Copy, Debug)]
pub(super) struct Palette {
    pub(super) has_color: bool,
}

impl Palette {
    fn ink(self, color: Color) -> Style {
        if self.has_color { Style::default().fg(color) } else { Style::default() }
    }

    fn strong(self) -> Style {
        Style::default().add_modifier(Modifier::BOLD)
    }

    fn chosen(self) -> Style {
        Style::default().add_modifier(Modifier::REVERSED)
    }

    fn outcome(self, outcome: Outcome) -> Style {
        let color = match outcome {
            Outcome::Paid | Outcome::Done => Color::Green,
            Outcome::NotPaid | Outcome::Failed => Color::Red,
            Outcome::InDoubt => Color::Yellow,
        };
        self.ink(color).add_modifier(Modifier::BOLD)
    }
}

/// Draws everything.
pub(super) fn draw(frame: &mut Frame<'_>, view: &View, face: &Face, palette: Palette) {
    let area = frame.area();
    if area.width < WIDTH || area.height < HEIGHT {
        let text = format!(
            "The terminal is {} x {}, the wallet needs {WIDTH} x {HEIGHT}: make it larger, or run \
             onehop ui --plain.",
            area.width, area.height
        );
        frame.render_widget(Paragraph::new(text).wrap(Wrap { trim: true }), area);
        return;
    }
    let rows = [Constraint::Length(1), Constraint::Min(0), Constraint::Length(2)];
    let [top, middle, bottom] = Layout::vertical(rows).areas(area);
    head(frame, top, view, palette);
    if view.is_locked && !matches!(face.page, Page::Form(_)) {
        let text = Paragraph::new("The wallet is locked. Press any key to type its PIN.");
        frame.render_widget(text.block(block("locked")), middle);
        return foot(frame, bottom, view, face, palette);
    }
    match &face.page {
        Page::Home => home(frame, middle, view, face, palette),
        Page::Form(form) => fill_in(frame, middle, form, palette),
        Page::History => history(frame, middle, face, palette),
        Page::Unfinished => unfinished(frame, middle, view, face, palette),
        Page::Receipt(code) => receipt(frame, middle, code),
        Page::About => about(frame, middle, view),
    }
    foot(frame, bottom, view, face, palette);
}

fn head(frame: &mut Frame<'_>, area: Rect, view: &View, palette: Palette) {
    let owner = format!(" onehop  {} ", view.owner);
    let radio = format!("radio {} ", view.radio);
    let width = usize::from(area.width).saturating_sub(owner.chars().count());
    let line = Row::from(vec![
        Span::styled(owner, palette.strong()),
        Span::raw(format!("{radio:>width$}")),
    ]);
    frame.render_widget(Paragraph::new(line).style(palette.chosen()), area);
}

fn home(frame: &mut Frame<'_>, area: Rect, view: &View, face: &Face, palette: Palette) {
    let rows = [Constraint::Length(7), Constraint::Length(7), Constraint::Min(0)];
    let [figures, newest, errand] = Layout::vertical(rows).areas(area);
    four(frame, figures, view, palette);
    let lines: Vec<Row<'_>> = if view.newest.is_empty() {
        vec![Row::raw("nothing yet")]
    } else {
        view.newest.iter().map(|line| row(line, palette)).collect()
    };
    frame.render_widget(Paragraph::new(lines).block(block("newest payments")), newest);
    let (title, lines) = match &view.end {
        Some(end) => ("how it ended", ended(end, palette)),
        None => doing(&view.errand, face, errand, palette),
    };
    let lines = if lines.is_empty() { next(view) } else { lines };
    let panel = Paragraph::new(lines).block(block(title)).wrap(Wrap { trim: false });
    frame.render_widget(panel, errand);
}

fn four(frame: &mut Frame<'_>, area: Rect, view: &View, palette: Palette) {
    let figures = &view.figures;
    let pairs = [
        ("available", &figures.available),
        ("held", &figures.held),
        ("in doubt", &figures.in_doubt),
        ("received, unsettled", &figures.unsettled),
        ("one payment can use", &figures.spendable),
    ];
    let width = pairs.iter().map(|(_, sum)| sum.chars().count()).max().unwrap_or(0);
    let lines: Vec<Row<'_>> = pairs
        .iter()
        .map(|(name, sum)| {
            let style = if *name == "available" { palette.strong() } else { Style::default() };
            Row::styled(format!("{name:<22} {sum:>width$}"), style)
        })
        .collect();
    frame.render_widget(Paragraph::new(lines).block(block("money")), area);
}

/// A payment in one line.
fn row(line: &Line, palette: Palette) -> Row<'static> {
    let color = if line.way == "out" { Color::Red } else { Color::Green };
    Row::from(vec![
        Span::styled(format!("{:>16} ", line.amount), palette.ink(color)),
        Span::raw(format!(
            "{:<4} {:<18} {:<8} {}",
            line.preposition(),
            short(&line.name, 18),
            line.standing,
            short(&line.order, 26)
        )),
    ])
}

fn ended(end: &End, palette: Palette) -> Vec<Row<'static>> {
    vec![
        Row::styled(end.outcome.word().to_uppercase(), palette.outcome(end.outcome)),
        Row::raw(end.text.clone()),
    ]
}

/// What the person can do when nothing goes on.
fn next(view: &View) -> Vec<Row<'static>> {
    if view.unfinished.iter().any(|line| line.standing == "in doubt") {
        return vec![Row::raw("A payment is in doubt: do not pay it again. Press u to see it.")];
    }
    vec![Row::raw("The radio is off. Press s to ask for money, or p to pay.")]
}

fn doing(
    errand: &Errand,
    face: &Face,
    area: Rect,
    palette: Palette,
) -> (&'static str, Vec<Row<'static>>) {
    match errand {
        Errand::None => ("what now", Vec::new()),
        Errand::Sell { amount, order, stage, buyers, asked, seconds_left } => {
            let mut lines = vec![Row::raw(format!("{amount} for {order}"))];
            match stage {
                Selling::Looking => {
                    lines.push(Row::raw(format!("looking for buyers, {seconds_left} s left")));
                    let names = buyers
                        .iter()
                        .map(|it| (format!("{}  code {}", it.name, it.code), it.note.as_deref()));
                    lines.extend(choose(names, face.chosen, area, palette));
                }
                Selling::Asked => lines.push(Row::raw(format!(
                    "asked {asked}, waiting for the answer, {seconds_left} s left"
                ))),
                Selling::Accepted => {
                    lines.push(Row::raw(format!("{asked} has paid; waiting for the last word")));
                }
            }
            ("asking for money", lines)
        }
        Errand::Pay { stage, sellers, question, seconds_left } => {
            let mut lines = Vec::new();
            match stage {
                Paying::Choosing => {
                    lines.push(Row::raw(format!("looking for sellers, {seconds_left} s left")));
                    let names = sellers.iter().map(|it| (it.name.clone(), it.note.as_deref()));
                    lines.extend(choose(names, face.chosen, area, palette));
                }
                Paying::Introduced => {
                    lines.push(Row::raw(format!("waiting to be asked, {seconds_left} s left")));
                }
                Paying::Declined => lines.push(Row::raw("saying no")),
                Paying::Held => lines.push(Row::raw(format!(
                    "the money is held; waiting for the seller, {seconds_left} s left"
                ))),
                Paying::Asked => {}
            }
            if let Some(question) = question {
                lines.extend(asked(question, area, palette));
                if *stage == Paying::Asked {
                    lines.push(Row::styled("Pay? y / n", palette.strong()));
                }
            }
            ("paying", lines)
        }
        Errand::Resume { left, seconds_left } => (
            "resuming",
            vec![Row::raw(format!(
                "looking for the other wallet of {left} payments, {seconds_left} s left"
            ))],
        ),
        Errand::Office { what } => ("at the office", vec![Row::raw(what.clone())]),
    }
}

/// What is asked. A note stands where no certified name does, so that none can imitate it.
fn asked(question: &Question, area: Rect, palette: Palette) -> Vec<Row<'static>> {
    let mut code = format!("code {} on both screens", question.code);
    if let Some(note) = &question.note {
        code += "   your note: ";
        let left = usize::from(area.width).saturating_sub(code.chars().count() + 2);
        code += &short(note, left);
    }
    let mut rows = vec![
        Row::styled(format!("{} asks for {}", question.payee, question.amount), palette.strong()),
        Row::raw(format!("for {}", question.order)),
        Row::raw(code),
    ];
    if question.in_doubt_with_payee {
        let text = "Another payment to them is in doubt: this would be a second one.";
        rows.push(Row::styled(text, palette.outcome(Outcome::InDoubt)));
    }
    rows
}

/// Who can be chosen, each with what is noted about them below. The chosen one stays in sight.
fn choose<'a>(
    names: impl Iterator<Item = (String, Option<&'a str>)>,
    chosen: usize,
    area: Rect,
    palette: Palette,
) -> Vec<Row<'static>> {
    let (mut rows, mut end) = (Vec::new(), 0_usize);
    for (at, (name, note)) in names.enumerate() {
        let (mark, style) =
            if at == chosen { (">", palette.chosen()) } else { (" ", Style::default()) };
        rows.push(Row::styled(format!("{mark} {}  {name}", at.saturating_add(1)), style));
        if let Some(note) = note {
            let left = usize::from(area.width).saturating_sub(18);
            rows.push(Row::raw(format!("     your note: {}", short(note, left))));
        }
        if at == chosen {
            end = rows.len();
        }
    }
    if rows.is_empty() {
        return vec![Row::raw("  nobody yet")];
    }
    // The frame has two lines, what goes on has one.
    let height = usize::from(area.height).saturating_sub(3);
    rows.drain(..end.saturating_sub(height));
    rows
}

fn fill_in(frame: &mut Frame<'_>, area: Rect, form: &Form, palette: Palette) {
    let title = match form.what {
        Asked::Unlock => "unlock the wallet",
        Asked::Pin => "type the PIN to pay",
        Asked::Sell => "ask for money",
        Asked::Charge => "charge the purse from the account",
        Asked::Withdraw => "withdraw from the purse to the account",
    };
    let lines: Vec<Row<'_>> = form
        .fields
        .iter()
        .enumerate()
        .map(|(at, (name, text))| {
            let (mark, end, style) = if at == form.at {
                (">", "_", palette.strong())
            } else {
                (" ", "", Style::default())
            };
            let text =
                if form.is_secret() { "*".repeat(text.chars().count()) } else { text.clone() };
            Row::styled(format!("{mark} {name:<10} {text}{end}"), style)
        })
        .collect();
    frame.render_widget(Paragraph::new(lines).block(block(title)), area);
}

fn history(frame: &mut Frame<'_>, area: Rect, face: &Face, palette: Palette) {
    let mut lines: Vec<Row<'_>> = face
        .history
        .iter()
        .enumerate()
        .map(|(at, line)| {
            let row = row(line, palette);
            if at == face.chosen { row.style(palette.chosen()) } else { row }
        })
        .collect();
    if lines.is_empty() {
        lines.push(Row::raw("nothing here"));
    }
    let title = format!("all payments, page {}", face.history_page.saturating_add(1));
    frame.render_widget(Paragraph::new(lines).block(block(&title)), area);
}

fn unfinished(frame: &mut Frame<'_>, area: Rect, view: &View, face: &Face, palette: Palette) {
    let mut lines = Vec::new();
    for (at, line) in view.unfinished.iter().enumerate() {
        let style = if at == face.chosen { palette.strong() } else { Style::default() };
        lines.push(row(line, palette).style(style));
        lines.push(Row::raw(format!("{:>17}since {}", "", line.since)));
        lines.push(Row::raw(format!("{:>17}{}", "", line.advice)));
    }
    if lines.is_empty() {
        lines.push(Row::raw("everything is finished and settled"));
    }
    // The chosen one stays in sight.
    let skip = u16::try_from(face.chosen.saturating_mul(3)).unwrap_or(u16::MAX);
    let skip = skip.saturating_sub(area.height.saturating_sub(5));
    let list = Paragraph::new(lines).block(block("not finished")).scroll((skip, 0));
    frame.render_widget(list, area);
}

fn receipt(frame: &mut Frame<'_>, area: Rect, code: &[String]) {
    let needed = code.len().saturating_add(2);
    let lines: Vec<Row<'_>> = if needed > usize::from(area.height) {
        vec![Row::raw(format!(
            "The code needs {} lines: make the terminal taller, or run onehop receipt qr.",
            needed.saturating_add(3)
        ))]
    } else {
        code.iter().map(|line| Row::raw(line.clone())).collect()
    };
    frame.render_widget(Paragraph::new(lines).block(block("receipt")), area);
}

fn about(frame: &mut Frame<'_>, area: Rect, view: &View) {
    let mut lines = vec![
        Row::raw(format!("name      {}", view.owner)),
        Row::raw(format!("currency  {}", view.currency)),
        Row::raw(format!("office    {}", view.office)),
        Row::raw(view.limits.clone()),
        Row::raw(""),
    ];
    lines.extend(view.notices.iter().map(|notice| Row::raw(notice.clone())));
    frame.render_widget(
        Paragraph::new(lines).block(block("this wallet")).wrap(Wrap { trim: false }),
        area,
    );
}

fn foot(frame: &mut Frame<'_>, area: Rect, view: &View, face: &Face, palette: Palette) {
    let keys = match (&face.page, &view.end, &view.errand) {
        (Page::Form(_), ..) => "Enter next or go   Esc back",
        (Page::History, ..) => "arrows   e receipt   n next page   b page before   Esc back",
        (Page::Unfinished, ..) => "r resume nearby   o ask the office   y settle   Esc back",
        (Page::Receipt(_) | Page::About, ..) => "any key goes back",
        (Page::Home, Some(end), _) if end.tx.is_some() => "Enter goes on   e receipt   q quit",
        (Page::Home, Some(_), _) => "Enter goes on   q quit",
        (Page::Home, None, Errand::None) => {
            "s sell  p pay  u open  h history  y sync  c charge  w withdraw  a info  q quit"
        }
        (Page::Home, None, Errand::Pay { stage: Paying::Asked, .. }) => "y pay   n do not   x stop",
        (Page::Home, None, Errand::Office { .. }) => "q quit",
        (Page::Home, None, Errand::Sell { stage: Selling::Looking, .. })
        | (Page::Home, None, Errand::Pay { stage: Paying::Choosing, .. }) => {
            "arrows and Enter, or a number, choose   x stop"
        }
        (Page::Home, None, _) => "x stop",
    };
    let lines = vec![
        Row::styled(face.refusal.clone(), palette.outcome(Outcome::Failed)),
        Row::styled(format!(" {keys}"), palette.chosen()),
    ];
    frame.render_widget(Paragraph::new(lines), area);
}

fn block(title: &str) -> Block<'_> {
    Block::bordered().title(format!(" {title} "))
}

/// The beginning of a text, with a mark where it was cut.
fn short(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let mut cut: String = text.chars().take(width.saturating_sub(1)).collect();
    cut.push('…');
    cut
}
