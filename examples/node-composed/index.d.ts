/** What the connector answers: docs/exit-codes.md of the project has the exit codes. */
export interface Response {
  meta: { 'exit-code': number; message: string };
}

/** A document of parameters, or its JSON as text: in JavaScript 1.0 is 1, and of large numbers not all digits are kept. */
export type Document = object | string;

export interface Connector {
  /** Sends one message, and blocks until there is an answer. The parameters may stand in either document; those of the request win. */
  send(config: Document, request: Document): Response;
}

/** An instance of the component. `directories` are those of which it may read files: the name in a configuration, and the path. */
export function open(directories?: Record<string, string>): Promise<Connector>;
