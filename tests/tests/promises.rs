//! What must not compile: promises that types make, each with the program that would break it.

#[test]
fn what_is_forbidden_does_not_compile() {
    trybuild::TestCases::new().compile_fail("tests/promises/*.rs");
}
