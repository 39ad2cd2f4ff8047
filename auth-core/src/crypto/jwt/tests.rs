//! What the tests share: keys of every algorithm, and tokens made by hand.

mod vectors;
