//! What is told, judged from its bytes (spec §5.12).

use onehop_crypto::Trust;
use onehop_evidence::{verify_fork, verify_head};
use onehop_wire::office::OfficeInfo;
use onehop_wire::{NewsItem, decode};

use super::vectors::{bytes, cases, text};

/// [N-3] [N-6] [N-9] [W-12]
#[test]
fn every_vector_of_news_is_taken_or_dropped_as_it_says() {
    for case in cases("news") {
        let info: OfficeInfo = decode(&bytes(&case, "office"), 4_096).unwrap();
        let mut trust = Trust::from_info(&info, None).unwrap();
        let fault = match decode::<NewsItem>(&bytes(&case, "item"), 4_096).unwrap() {
            NewsItem::Root(root) => trust.add_root(root).err().map(|it| it.to_string()),
            NewsItem::Key(key) => trust.add_key(key).err().map(|it| it.to_string()),
            NewsItem::Delta(delta) => trust.delta(delta).err().map(|it| it.to_string()),
            NewsItem::Fork(proof) => verify_fork(&trust, &proof).err().map(|it| it.to_string()),
            NewsItem::Head(head) => verify_head(&trust, &head).err().map(|it| it.to_string()),
        };
        assert_eq!(fault.as_deref(), case["fault"].as_str(), "{}", text(&case, "name"));
    }
}
