//! The choice of the bearer on a computer whose Bluetooth cannot be used: the bus is nowhere.

use crate::bench::Bench;

#[test]
fn bluetooth_that_cannot_be_used_is_one_line_that_says_what_to_do() {
    let bench = Bench::new();
    let office = bench.inr();
    bench.enrol("asha", &office.url, "50");
    for command in [&["pay"][..], &["sell", "1", "--order", "tea"]] {
        let args: Vec<&str> = command.iter().copied().chain(["--link", "ble"]).collect();
        bench.wallet("asha", &args).fails(1, "no D-Bus system bus here; start dbus");
        let args: Vec<&str> = args.into_iter().chain(["--adapter", "hci7"]).collect();
        bench.wallet("asha", &args).fails(1, "no D-Bus system bus here");
    }
    bench.wallet("asha", &["pay", "--link", "tin"]).fails(2, "tin");
}

#[test]
fn the_default_is_the_local_network_where_bluetooth_is_not_and_the_first_line_says_so() {
    let bench = Bench::new();
    let office = bench.inr();
    bench.enrol("asha", &office.url, "50");
    // An interface is named by the bench, so that Bluetooth is not looked for.
    let ended = bench.wallet("asha", &["pay", "--link", "auto", "--for", "0"]);
    assert!(ended.err.starts_with("over the local network\n"), "{ended:?}");
    let args = ["pay", "--link", "auto", "--adapter", "hci0", "--for", "0"];
    bench.wallet("asha", &args).fails(1, "no D-Bus system bus here");
    let json = bench.wallet("asha", &["pay", "--for", "0", "--json"]);
    assert!(json.out.contains(r#"{"adapter":null,"event":"link","link":"lan"}"#), "{json:?}");
}

#[test]
fn the_doctor_speaks_of_bluetooth_without_a_wallet_and_does_not_take_its_lack_for_an_illness() {
    let bench = Bench::new();
    let ended = bench.wallet("nobody", &["doctor"]);
    ended.says(2, "look  bluetooth: no D-Bus system bus here");
    ended.fails(2, "there is no wallet");
    let office = bench.inr();
    bench.enrol("asha", &office.url, "50");
    bench.wallet("asha", &["doctor"]).says(0, "look  bluetooth: ");
}
