//! What is likely behind it when a vendor's broker refuses a client or a message, or closes the connection without a word.

use super::BrokerVendor;

/// What a broker refused, or closed the connection upon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// CONNECT.
    Connect {
        /// The client had a certificate to show.
        has_certificate: bool,
    },
    /// PUBLISH.
    Publish {
        /// The message was to be kept for later subscribers.
        retain: bool,
    },
}

/// The likely cause, as a sentence with a space before it.
pub fn cause(vendor: BrokerVendor, at: At) -> &'static str {
    match (vendor, at) {
        (BrokerVendor::AwsIot, At::Connect { has_certificate: true }) => {
            " AWS IoT closes the connection when the certificate is not active, or when no policy attached to it allows \
             iot:Connect for this client-id."
        }
        (BrokerVendor::AwsIot, At::Connect { has_certificate: false }) => {
            " AWS IoT closes the connection when no policy (of a custom authorizer, the one that it returns) allows \
             iot:Connect for this client-id, and when no client certificate comes where it wants one."
        }
        (BrokerVendor::AwsIot, At::Publish { retain: false }) => {
            " AWS IoT closes the connection when no policy allows iot:Publish for this topic."
        }
        (BrokerVendor::AwsIot, At::Publish { retain: true }) => {
            " AWS IoT closes the connection when no policy allows iot:Publish and, for retain, iot:RetainPublish for this \
             topic."
        }
        (BrokerVendor::AzureIotHub, At::Connect { has_certificate: true }) => {
            " Azure IoT Hub refuses a device that is not registered or is disabled, and a certificate that is not registered \
             for it."
        }
        (BrokerVendor::AzureIotHub, At::Connect { has_certificate: false }) => {
            " Azure IoT Hub refuses a device that is not registered or is disabled, and a password that is not a SAS token \
             (SharedAccessSignature …) of this device, or one that has expired."
        }
        (BrokerVendor::AzureIotHub, At::Publish { .. }) => {
            " Azure IoT Hub closes the connection on a message that it does not take, when a SAS token expires, and when the \
             same device connects again."
        }
        (BrokerVendor::AzureEventGrid, At::Connect { .. }) => {
            " Azure Event Grid refuses a client whose authentication name (mostly the username) is not registered in the \
             namespace or does not fit the certificate, and more sessions of it than the namespace allows."
        }
        (BrokerVendor::AzureEventGrid, At::Publish { .. }) => {
            " Azure Event Grid closes the connection when no permission binding lets the client publish to a topic space that \
             has this topic."
        }
    }
}
