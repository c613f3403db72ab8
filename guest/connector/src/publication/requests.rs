//! Requests over one configuration, each read and judged.

use super::Prepared;
use super::build::build;
use super::rules::Rules;
use crate::catalogue::Names;
use crate::document::{Document, DocumentFault, Merged, Source};
use crate::parameters::Parameters;
use crate::problem::{Invalid, Problem};

/// Requests over one configuration, one after the other.
///
/// What a request has in common with the one before it, or with all because it stands in the configuration, is read
/// once: a parameter whose text is the same has been read already, and what it is taken for is kept. The rules between
/// parameters are judged for every request.
pub struct Requests<'c, 'a> {
    config: &'c Result<Document<'a>, DocumentFault>,
    /// The request whose parameters are kept; `None` when there is none, and then no parameter is kept either.
    last: Option<Document<'a>>,
    parameters: Parameters,
}

impl<'c, 'a> Requests<'c, 'a> {
    /// Requests over a configuration that has been read already.
    pub fn over(config: &'c Result<Document<'a>, DocumentFault>) -> Self {
        Requests { config, last: None, parameters: Parameters::default() }
    }

    /// Lays the request over the configuration and checks everything.
    ///
    /// # Errors
    ///
    /// Everything that is wrong, in the order of the table, the rules between parameters last. When a text is not even
    /// a JSON object, only that is reported.
    pub fn prepare(&mut self, request: &'a str) -> Result<Prepared, Invalid<'a>> {
        let prepared = self.prepare_after_last(request);
        if prepared.is_err() {
            // What is wrong has to be found, and told, anew with the next one.
            *self = Self::over(self.config);
        }
        prepared
    }

    fn prepare_after_last(&mut self, request: &'a str) -> Result<Prepared, Invalid<'a>> {
        let in_config =
            |fault: &DocumentFault| Problem::Document { source: Source::Configuration, fault: *fault };
        let in_request = |fault| Problem::Document { source: Source::Request, fault };
        let (config, request) = match (self.config, Document::read(request)) {
            (Ok(config), Ok(request)) => (config, request),
            (Err(config), Ok(_)) => return Err(Invalid(vec![in_config(config)])),
            (Ok(_), Err(request)) => return Err(Invalid(vec![in_request(request)])),
            (Err(config), Err(request)) => {
                return Err(Invalid(vec![in_config(config), in_request(request)]));
            }
        };
        let merged = Merged::new(config, &request);
        let mut problems = Vec::new();
        problems.extend(Problem::of_names(Source::Configuration, config));
        problems.extend(Problem::of_names(Source::Request, &request));
        let parameters = &mut self.parameters;
        let (unread, is_same_connection) = match &self.last {
            Some(last) => {
                let differences = request.differences(last, Names::ALL.without(Names::CONTENT));
                // The message before has taken its content with it.
                (differences.or(Names::CONTENT), differences.without(Names::MESSAGE).is_empty())
            }
            None => (merged.given(), false),
        };
        parameters.read_again(unread, merged, &mut problems);
        let mut rules = Rules { merged, problems };
        rules.check(parameters);
        if !rules.problems.is_empty() {
            return Err(Invalid(rules.problems));
        }
        let prepared = build(parameters, merged, is_same_connection).ok_or(Invalid(rules.problems))?;
        self.last = Some(request);
        Ok(prepared)
    }
}
