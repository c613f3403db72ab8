/** What the connector answers: docs/exit-codes.md of the project has the exit codes. */
export interface Response {
  meta: { 'exit-code': number; message: string };
}

/** URLs of brokers that may be reached: `ssl://broker.example:8883`, or `ssl://broker.example` for each port of that host. */
export type Grants = readonly string[];

/** Sends one message. The parameters may stand in either document; those of the request win. It rejects for a fault of its own. */
export function send(grants: Grants, config: object, request: object): Promise<Response>;

/** The interfaces of the component, made from its WIT by jco: what a publisher of your own has to implement. */
export type * as publisher from './connector/interfaces/flint-mqtt-publisher.js';
