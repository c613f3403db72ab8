//! TLS: who is believed, what is shown, and what is said when it fails.
