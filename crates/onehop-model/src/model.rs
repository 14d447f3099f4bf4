//! The machine as a model of `stateright`.

use stateright::{Expectation, Model, Property};

use crate::action::Action;
use crate::machine::Machine;
use crate::scene::Expect;
use crate::settled::is_settled;
use crate::world::World;

impl Model for Machine {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        vec![self.start.clone()]
    }

    fn actions(&self, state: &World, actions: &mut Vec<Action>) {
        self.log.state(state.name, is_settled(self, state));
        self.possible(state, actions);
    }

    fn next_state(&self, last: &World, action: Action) -> Option<World> {
        let next = self.after(last, &action)?;
        self.log.step(last.name, next.name, action.is_calm());
        Some(next)
    }

    fn format_action(&self, action: &Action) -> String {
        action.words(&self.names)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let of = |expect| match expect {
            // A discovery against it is what is wanted.
            Expect::Always | Expect::Broken => Expectation::Always,
            Expect::Sometimes => Expectation::Sometimes,
        };
        let property = |(promise, expect): &(crate::promises::Promise, Expect)| Property {
            expectation: of(*expect),
            name: promise.name,
            condition: promise.holds,
        };
        self.scene.promises.iter().map(property).collect()
    }
}
