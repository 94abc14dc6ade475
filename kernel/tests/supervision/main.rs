//! The supervision tree as its users see it, in virtual time unless a second thread is needed.

// All under `cfg(test)`, so that clippy's allowances for tests hold in helpers, too.
#[cfg(test)]
mod crowd;
#[cfg(test)]
mod escalation;
#[cfg(test)]
mod fairness;
#[cfg(test)]
mod puppet;
#[cfg(test)]
mod random;
#[cfg(test)]
mod rest_for_one;
#[cfg(test)]
mod restart;
#[cfg(test)]
mod stop;
#[cfg(test)]
mod threads;
