//! Whether a send may begin: grants, limits, and whether its certificates and texts can be used.

pub(crate) mod admit;
pub(crate) mod preparation;
pub(crate) mod texts;
