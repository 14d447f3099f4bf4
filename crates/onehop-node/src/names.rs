//! Names of log records, for whoever watches.

use onehop_proto::LogRecord;

pub(crate) const fn record_name(record: &LogRecord) -> &'static str {
    match record {
        LogRecord::Born { .. } => "BORN",
        LogRecord::EnrolSigned(_) => "ENROL-SIGNED",
        LogRecord::Enrolled(_) => "ENROLLED",
        LogRecord::OfficeKeySeen(_) => "OFFICE-KEY-SEEN",
        LogRecord::Invited { .. } => "INVITED",
        LogRecord::SellerCommitted { .. } => "SELLER-COMMITTED",
        LogRecord::SellerAborted { .. } => "SELLER-ABORTED",
        LogRecord::Done { .. } => "DONE",
        LogRecord::Redeemed(_) => "REDEEMED",
        LogRecord::Lost(_) => "LOST",
        LogRecord::Refused { .. } => "REFUSED",
        LogRecord::Prepared { .. } => "PREPARED",
        LogRecord::BuyerCommitted { .. } => "BUYER-COMMITTED",
        LogRecord::BuyerAborted { .. } => "BUYER-ABORTED",
        LogRecord::BuyerSettled(_) => "BUYER-SETTLED",
        LogRecord::Evidence { .. } => "EVIDENCE",
        LogRecord::Closed(_) => "CLOSED",
        LogRecord::Renewed(_) => "RENEWED",
        LogRecord::Seen { .. } => "SEEN",
        LogRecord::Frozen => "FROZEN",
        LogRecord::NumbersFrom(_) => "NUMBERS-FROM",
        LogRecord::NewRootSeen(_) => "NEW-ROOT-SEEN",
        LogRecord::Revoked { .. } => "REVOKED",
        LogRecord::Forked { .. } => "FORKED",
        LogRecord::HeadHeard(_) => "HEAD-HEARD",
        LogRecord::Told { .. } => "TOLD",
    }
}
