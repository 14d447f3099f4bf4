//! `onehop demo`.
use anyhow::Result;

use crate::args::DemoArgs;
use crate::exit::Exit;
use crate::render::Screen;

pub(crate) fn run(_screen: Screen, _args: &DemoArgs) -> Result<Exit> {
    Ok(Exit::Done)
}
