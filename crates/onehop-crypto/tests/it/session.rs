//! Sealed messages: their order, what binds them, and the code on both screens.

use onehop_crypto::EnvelopeError;
use onehop_wire::Sealed;

use crate::steps::run;
use crate::world::World;

#[test]
fn messages_are_opened_in_order_and_each_once() {
    // [H-13]
    let world = World::new();
    let mut run = run(&world, 1, 2);
    let sealed: Vec<_> = (0..3_u8).map(|n| run.seller.seal(&[n]).unwrap()).collect();
    let numbers: Vec<_> = sealed.iter().map(|sealed| sealed.number).collect();
    assert_eq!(numbers, [1, 2, 3]);
    let [first, second, third] = <[Sealed; 3]>::try_from(sealed).unwrap();
    assert_eq!(run.buyer.open(&second), Err(EnvelopeError::Open));
    assert_eq!(run.buyer.open(&third), Err(EnvelopeError::Open));
    assert_eq!(run.buyer.open(&first), Ok(vec![0]));
    assert_eq!(run.buyer.open(&first), Err(EnvelopeError::Open), "a repeat");
    assert_eq!(run.buyer.open(&second), Ok(vec![1]));
    assert_eq!(run.buyer.open(&third), Ok(vec![2]));
    assert_eq!((run.buyer.opened(), run.seller.sent()), (3, 3));
}

#[test]
fn number_and_ack_are_bound_to_the_ciphertext() {
    // [H-13]
    let world = World::new();
    let mut run = run(&world, 1, 2);
    let first = run.seller.seal(b"first").unwrap();
    let second = run.seller.seal(b"second").unwrap();
    let renumbered = Sealed { number: 1, ..second.clone() };
    assert_eq!(run.buyer.open(&renumbered), Err(EnvelopeError::Open));
    for ack in [1, 2, u32::MAX] {
        let other = Sealed { ack, ..first.clone() };
        assert_eq!(run.buyer.open(&other), Err(EnvelopeError::Open), "ack {ack}");
    }
    // None of it moved the context.
    assert_eq!(run.buyer.open(&first), Ok(b"first".to_vec()));
    assert_eq!(run.buyer.open(&second), Ok(b"second".to_vec()));
    assert_eq!(run.buyer.seal(b"").unwrap().ack, 2);
}

#[test]
fn a_message_sent_back_to_its_sender_does_not_open() {
    // [H-12]
    let world = World::new();
    let mut run = run(&world, 1, 2);
    let by_seller = run.seller.seal(b"to the buyer").unwrap();
    assert_eq!(run.seller.open(&by_seller), Err(EnvelopeError::Open));
    let by_buyer = run.buyer.seal(b"to the seller").unwrap();
    assert_eq!(run.buyer.open(&by_buyer), Err(EnvelopeError::Open));
}

#[test]
fn a_message_of_another_session_does_not_open() {
    // [H-12]
    let world = World::new();
    let (mut one, mut other) = (run(&world, 1, 2), run(&world, 3, 4));
    assert_ne!(one.buyer.transcript(), other.buyer.transcript());
    let sealed = one.seller.seal(b"here").unwrap();
    assert_eq!(other.buyer.open(&sealed), Err(EnvelopeError::Open));
    assert_eq!(one.buyer.open(&sealed), Ok(b"here".to_vec()));
}

#[test]
fn a_message_with_any_bit_changed_does_not_open_and_moves_nothing() {
    // [H-12]
    let world = World::new();
    let mut run = run(&world, 1, 2);
    let sealed = run.buyer.seal(b"AGREED").unwrap();
    for bit in 0..sealed.ciphertext.len() * 8 {
        let mut bytes = sealed.ciphertext.to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let changed =
            Sealed { ciphertext: onehop_wire::List::new(bytes).unwrap(), ..sealed.clone() };
        assert_eq!(run.seller.open(&changed), Err(EnvelopeError::Open), "bit {bit}");
    }
    assert_eq!(run.seller.open(&sealed), Ok(b"AGREED".to_vec()));
}

#[test]
fn both_screens_show_the_first_eight_bytes_of_the_transcript_as_six_digits() {
    // [H-19]
    let world = World::new();
    for fresh in 0..40 {
        let run = run(&world, fresh, 99);
        let first = <[u8; 8]>::try_from(&run.buyer.transcript().0[..8]).unwrap();
        let code = format!("{:06}", u64::from_be_bytes(first) % 1_000_000);
        let shown = format!("{} {}", &code[..3], &code[3..]);
        assert_eq!((run.buyer.short_code(), run.seller.short_code()), (shown.clone(), shown));
    }
}
