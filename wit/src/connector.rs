//! The types of the contract's interface `connector`, each as `connector.wit` describes it.

/// How an execution ended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "kebab-case"))]
pub struct Meta {
    /// 0 is success: the quality of service that was asked for has been reached. Every other value is a failure; the
    /// [table of exit codes](crate::exit_code::TABLE) lists them.
    pub exit_code: i32,
    /// What happened, in words a person can act on. It never holds a secret or the content.
    pub message: String,
}

/// The answer to one request.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Response {
    /// How the execution ended.
    pub meta: Meta,
}
