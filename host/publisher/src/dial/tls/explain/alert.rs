//! What a broker means by an alert (RFC 8446, section 6.2; RFC 5246, section 7.2.2).

use rustls::AlertDescription;

/// The sentence for an alert that ended TLS.
pub(super) fn words(alert: AlertDescription) -> String {
    let what = match alert {
        AlertDescription::CertificateRequired | AlertDescription::NoCertificate => {
            "it demands a client certificate (see use-certificate, certificate and private-key)"
        }
        AlertDescription::BadCertificate
        | AlertDescription::UnsupportedCertificate
        | AlertDescription::CertificateUnknown => {
            "it does not accept the client certificate (see certificate)"
        }
        AlertDescription::CertificateRevoked => "the client certificate has been revoked (see certificate)",
        AlertDescription::CertificateExpired => "the client certificate has expired (see certificate)",
        AlertDescription::UnknownCA => {
            "it does not know the authority of the client certificate (see certificate)"
        }
        AlertDescription::AccessDenied => "it denies access to the client certificate (see certificate)",
        AlertDescription::NoApplicationProtocol => "it accepts none of the protocols in alpn-protocols",
        AlertDescription::UnrecognisedName => "it does not know the name it was asked for (see server-name)",
        AlertDescription::HandshakeFailure => {
            "it found nothing in common, or demands a client certificate (see use-certificate), or its own certificate has a \
             kind of key that is not supported here, such as P-521, secp256k1, Ed448 or DSA (RSA of 2048 to 8192 bits, P-256, \
             P-384 and Ed25519 are; of TLS, 1.3, and 1.2 with ECDHE and AES-GCM or ChaCha20-Poly1305, on X25519, P-256 or P-384)"
        }
        AlertDescription::ProtocolVersion => "it speaks neither TLS 1.2 nor 1.3",
        AlertDescription::InsufficientSecurity => "it demands stronger ciphers than it was offered",
        AlertDescription::InternalError => "it has a fault of its own (alert 80, internal_error)",
        AlertDescription::DecryptError => {
            "it could not verify a signature or decrypt the handshake (alert 51, decrypt_error); perhaps it does not accept \
             the key of the client certificate (see private-key)"
        }
        AlertDescription::BadRecordMac | AlertDescription::DecryptionFailed => {
            "it could not decrypt what it was sent (alert 20, bad_record_mac): it was changed on the way, or its TLS is broken"
        }
        AlertDescription::UnexpectedMessage => {
            "it got a message that it did not expect (alert 10, unexpected_message)"
        }
        AlertDescription::RecordOverflow => {
            "it got a record that is too large for it (alert 22, record_overflow)"
        }
        AlertDescription::DecompressionFailure => "it could not decompress what it was sent (alert 30)",
        AlertDescription::IllegalParameter => {
            "it does not take a part of the handshake (alert 47, illegal_parameter)"
        }
        AlertDescription::DecodeError => "it could not read a part of the handshake (alert 50, decode_error)",
        AlertDescription::MissingExtension => {
            "it misses an extension in the handshake (alert 109, missing_extension)"
        }
        AlertDescription::UnsupportedExtension => {
            "it does not take an extension of the handshake (alert 110, unsupported_extension)"
        }
        AlertDescription::ExportRestriction => "it is bound by an export restriction (alert 60)",
        AlertDescription::InappropriateFallback => "it takes the connection for a downgrade (alert 86)",
        AlertDescription::UserCanceled => "somebody cancelled the handshake there (alert 90, user_canceled)",
        AlertDescription::NoRenegotiation => "it does not renegotiate (alert 100)",
        AlertDescription::CertificateUnobtainable => "it could not obtain the client certificate (alert 111)",
        AlertDescription::BadCertificateStatusResponse => {
            "it does not take the status of a certificate (alert 113, bad_certificate_status_response)"
        }
        AlertDescription::BadCertificateHashValue => "it does not take the hash of a certificate (alert 114)",
        AlertDescription::UnknownPSKIdentity => {
            "it wants a pre-shared key, and certificates are what is supported (alert 115, unknown_psk_identity)"
        }
        AlertDescription::EncryptedClientHelloRequired => {
            "it wants an Encrypted Client Hello, which is not supported (alert 121)"
        }
        AlertDescription::CloseNotify => "it closed the connection (alert 0, close_notify)",
        // `AlertDescription` is not exhaustive, and TLS has numbers without a name.
        other => {
            return format!("the broker ended TLS with alert {}, which has no name here", u8::from(other));
        }
    };
    format!("the broker ended TLS: {what}")
}

/// What an alert, told as [`words`] does, means to a client that showed a certificate or showed none; `None` where that makes
/// no difference. Without a certificate, TLS 1.2 has no alert that demands one: brokers take those about a bad one.
pub(super) fn to_client(reason: &str, shows_certificate: bool) -> Option<String> {
    const ABOUT_CERTIFICATE: [AlertDescription; 7] = [
        AlertDescription::BadCertificate,
        AlertDescription::UnsupportedCertificate,
        AlertDescription::CertificateUnknown,
        AlertDescription::CertificateRevoked,
        AlertDescription::CertificateExpired,
        AlertDescription::UnknownCA,
        AlertDescription::AccessDenied,
    ];
    let is = |alert: &AlertDescription| words(*alert) == reason;
    if shows_certificate {
        return is(&AlertDescription::HandshakeFailure).then(|| {
            reason.replace(
                "demands a client certificate (see use-certificate)",
                "does not accept the client certificate (see certificate)",
            )
        });
    }
    if ABOUT_CERTIFICATE.iter().any(is) {
        return Some(
            "the broker ended TLS over the client certificate, and none was shown: it demands one, as it seems (see \
             use-certificate, certificate and private-key)"
                .to_owned(),
        );
    }
    let (without_key, _) = reason
        .split_once("; perhaps it does not accept the key")
        .filter(|_| is(&AlertDescription::DecryptError))?;
    Some(without_key.to_owned())
}
