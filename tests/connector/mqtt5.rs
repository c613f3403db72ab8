//! What MQTT 5 adds, against scripted brokers: reason codes, properties, and the limits that a broker states.
