//! MQTT: packets, the delivery of messages, and the connection that moves the bytes.

pub(crate) mod connection;
pub(crate) mod delivery;
pub(crate) mod packet;
