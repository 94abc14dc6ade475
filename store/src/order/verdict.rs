//! What an answer of the platform means for what waits (design, refused from the spool).

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Confirmed: any status of class 2 (protocol notes, section 3.1).
    Done,
    /// Refused with this status code.
    Refused(u8),
    /// No answer in time.
    Unanswered,
}

/// What to do after a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// 80, 86, 8D, 8F: the message itself is wrong; it will never be taken.
    Never,
    /// 81: nobody takes anything from us; the key may have expired.
    Halt,
    /// 83, 84, 8C: the entity is missing or not allowed, which somebody may mend.
    Wait,
    /// Everything else may pass.
    Retry,
}

impl Verdict {
    pub(super) const fn of(code: u8) -> Self {
        match code {
            0x80 | 0x86 | 0x8D | 0x8F => Self::Never,
            0x81 => Self::Halt,
            0x83 | 0x84 | 0x8C => Self::Wait,
            _ => Self::Retry,
        }
    }

    pub(super) const fn of_answer(answer: Answer) -> Self {
        match answer {
            Answer::Refused(code) => Self::of(code),
            Answer::Done | Answer::Unanswered => Self::Retry,
        }
    }
}

impl Answer {
    /// Reads a status code of the wire: class 2 is success.
    #[must_use]
    pub const fn from_code(code: u8) -> Self {
        match code {
            0x40..=0x5F => Self::Done,
            code => Self::Refused(code),
        }
    }
}
