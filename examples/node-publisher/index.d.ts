/** What the connector answers: docs/exit-codes.md of the project has the exit codes. */
export interface Response {
  meta: { 'exit-code': number; message: string };
}

/** A document of parameters, or its JSON as text: in JavaScript 1.0 is 1, and of large numbers not all digits are kept. */
export type Document = object | string;

/** URLs of brokers that may be reached: `ssl://broker.example:8883`, or `ssl://broker.example` for each port of that host. */
export type Grants = readonly string[];

/** Sends one message. The parameters may stand in either document; those of the request win. It rejects for a fault of its own. */
export function send(grants: Grants, config: Document, request: Document): Promise<Response>;

/** The interfaces of the component, made from its WIT by jco: what a publisher of your own has to implement. */
export type * as publisher from './connector/interfaces/flint-mqtt-publisher.js';
