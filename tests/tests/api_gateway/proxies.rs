//! By which address a client is counted, behind proxies and without them.

use auth_tests::Answer;
use http::Method;

use crate::refusals::{standing, too_many};
use crate::stage::Program;

fn from(program: &Program, header: &str, value: &str) -> Answer {
    program.send(Method::GET, "/api/products", &[(header, value)], "")
}

#[test]
fn whoever_makes_an_address_up_is_counted_by_their_own() {
    let nobody = Program::limited(&[]);
    let others = Program::limited(&[("TRUSTED_PROXIES", "10.0.0.0/8, 192.0.2.1")]);
    for program in [nobody, others] {
        for at in 0..10 {
            let (header, value) = [
                ("x-forwarded-for", format!("203.0.113.{at}")),
                ("forwarded", format!("for=203.0.113.{at}")),
                ("x-real-ip", format!("203.0.113.{at}")),
                ("cf-connecting-ip", format!("203.0.113.{at}")),
            ][at % 4]
                .clone();
            assert_eq!(standing(&from(&program, header, &value)), (10, 9 - i64::try_from(at).unwrap()));
        }
        for header in ["x-forwarded-for", "forwarded", "x-real-ip"] {
            too_many(&from(&program, header, "203.0.113.99"), 10, 60);
        }
        too_many(&program.get("/api/products"), 10, 60);
    }
}

#[test]
fn a_trusted_proxy_says_who_the_client_is() {
    let program = Program::limited(&[("TRUSTED_PROXIES", "127.0.0.0/8")]);
    for at in 0..10 {
        // What stands further left is what the client has claimed.
        let claimed = format!("203.0.113.{at}, 198.51.100.7");
        assert_eq!(from(&program, "x-forwarded-for", &claimed).status, 200);
    }
    too_many(&from(&program, "x-forwarded-for", "198.51.100.7"), 10, 60);
    too_many(&from(&program, "x-forwarded-for", "203.0.113.1, 198.51.100.7, 127.0.0.2"), 10, 60);
    assert_eq!(standing(&from(&program, "x-forwarded-for", "198.51.100.8")), (10, 9));
    assert_eq!(standing(&program.get("/api/products")), (10, 9));
    // One subscriber owns a /64.
    for at in 0..10 {
        let address = format!("2001:db8:1:1:{at}::1");
        assert_eq!(from(&program, "x-forwarded-for", &address).status, 200);
    }
    too_many(&from(&program, "x-forwarded-for", "2001:db8:1:1:ffff::1"), 10, 60);
    assert_eq!(from(&program, "x-forwarded-for", "2001:db8:1:2::1").status, 200);
}
