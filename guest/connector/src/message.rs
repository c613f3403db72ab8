//! What is sent, and as whom: the topic, the content, the quality of service, the properties and the will.

pub mod content;
pub mod properties;
pub mod qos;
pub mod text;
pub mod topic;
pub mod version;
pub mod will;
