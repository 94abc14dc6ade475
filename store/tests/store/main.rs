//! The store on a real disk: against a plain queue, through crashes, damage, a full disk, and beside a second process.

mod crash;
mod damage;
mod failures;
mod model;
mod ruin;
mod support;
