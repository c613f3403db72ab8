//! What the standard allows a client in the properties of a packet (MQTT 5.0, sections 2.2.2 and 3).

/// What the properties are of.
#[derive(Clone, Copy)]
pub(super) enum Of {
    Connect,
    Will,
    Publish,
    Ack,
    Disconnect,
}

/// The form of a property's value.
enum Form {
    /// One byte, 0 or 1.
    Flag,
    TwoBytes,
    /// Two bytes, not 0.
    Positive,
    FourBytes,
    /// Four bytes, not 0.
    LongPositive,
    Text,
    /// A text that is a topic name.
    Topic,
    Binary,
    Pair,
}

/// Table 2-4, as far as a client that subscribes to nothing may send it.
fn form(of: Of, identifier: u8) -> Option<Form> {
    Some(match (identifier, of) {
        (0x01, Of::Publish | Of::Will) => Form::Flag,
        (0x02, Of::Publish | Of::Will) => Form::FourBytes,
        (0x03, Of::Publish | Of::Will) => Form::Text,
        (0x08, Of::Publish | Of::Will) => Form::Topic,
        (0x09, Of::Publish | Of::Will) => Form::Binary,
        (0x11, Of::Connect | Of::Disconnect) => Form::FourBytes,
        (0x15, Of::Connect) => Form::Text,
        (0x16, Of::Connect) => Form::Binary,
        (0x17 | 0x19, Of::Connect) => Form::Flag,
        (0x18, Of::Will) => Form::FourBytes,
        (0x1f, Of::Ack | Of::Disconnect) => Form::Text,
        (0x21, Of::Connect) => Form::Positive,
        (0x22, Of::Connect) => Form::TwoBytes,
        (0x23, Of::Publish) => Form::Positive,
        (0x26, _) => Form::Pair,
        (0x27, Of::Connect) => Form::LongPositive,
        _ => return None,
    })
}

/// That these are whole properties, which this packet may have, once each but for user properties.
pub(super) fn check(mut bytes: &[u8], of: Of) -> Result<(), &'static str> {
    let mut seen = Vec::new();
    while let Some((&identifier, rest)) = bytes.split_first() {
        bytes = rest;
        let form = form(of, identifier).ok_or("a property that this packet does not have")?;
        if identifier != 0x26 && seen.contains(&identifier) {
            return Err("a property twice");
        }
        seen.push(identifier);
        match form {
            Form::Flag if take(&mut bytes, 1)?[0] > 1 => return Err("a property that is neither 0 nor 1"),
            Form::Positive if *take(&mut bytes, 2)? == [0; 2] => return Err("a property that must not be 0"),
            Form::LongPositive if *take(&mut bytes, 4)? == [0; 4] => {
                return Err("a property that must not be 0");
            }
            Form::Flag | Form::Positive | Form::LongPositive => {}
            Form::TwoBytes => drop(take(&mut bytes, 2)?),
            Form::FourBytes => drop(take(&mut bytes, 4)?),
            Form::Binary => drop(binary(&mut bytes)?),
            Form::Text => drop(text(&mut bytes)?),
            Form::Topic => {
                let topic = text(&mut bytes)?;
                if topic.is_empty() || topic.contains(['#', '+']) {
                    return Err("a response topic that is no topic name");
                }
            }
            Form::Pair => {
                text(&mut bytes)?;
                text(&mut bytes)?;
            }
        }
    }
    Ok(())
}

fn take<'a>(bytes: &mut &'a [u8], count: usize) -> Result<&'a [u8], &'static str> {
    let (taken, rest) = bytes.split_at_checked(count).ok_or("a property goes beyond the properties' end")?;
    *bytes = rest;
    Ok(taken)
}

fn binary<'a>(bytes: &mut &'a [u8]) -> Result<&'a [u8], &'static str> {
    let length = take(bytes, 2)?;
    take(bytes, usize::from(u16::from_be_bytes([length[0], length[1]])))
}

fn text<'a>(bytes: &mut &'a [u8]) -> Result<&'a str, &'static str> {
    let text = str::from_utf8(binary(bytes)?).map_err(|_| "a property that is not UTF-8")?;
    if text.contains('\0') { Err("U+0000 in a property") } else { Ok(text) }
}
