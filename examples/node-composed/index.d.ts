/** What the connector answers: docs/exit-codes.md of the project has the exit codes. */
export interface Response {
  meta: { 'exit-code': number; message: string };
}

export interface Connector {
  /** Sends one message, and blocks until there is an answer. The parameters may stand in either document; those of the request win. */
  send(config: object, request: object): Response;
}

/** An instance of the component. `directories` are those of which it may read files: the name in a configuration, and the path. */
export function open(directories?: Record<string, string>): Promise<Connector>;
