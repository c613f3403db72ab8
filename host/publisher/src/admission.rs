//! Whether a send may begin: grants, limits, turns, and whether its certificates and texts can be used.

pub(crate) mod admit;
pub(crate) mod preparation;
pub(crate) mod quotas;
pub(crate) mod rate_limiter;
pub(crate) mod texts;
pub(crate) mod turnstile;
