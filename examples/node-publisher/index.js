// The MQTT `send` connector: a WebAssembly component that decides, over a publisher in JavaScript that acts.

import { readFile } from 'node:fs/promises';

import { instantiate } from './connector/connector.js';
import { Call } from './publisher.js';

const compiled = new Map();

/** Machine code of the component, made once for the process. */
function core(name) {
  if (!compiled.has(name)) {
    const file = readFile(new URL(`connector/${name}`, import.meta.url));
    compiled.set(name, file.then((bytes) => WebAssembly.compile(bytes)));
  }
  return compiled.get(name);
}

/**
 * Sends one message to one of `grants`: URLs of brokers such as `ssl://broker.example:8883`, or without a port for each port of
 * that host. Nothing else is reached. Each call has an instance of its own, so that any number may be under way.
 */
export async function send(grants, config, request) {
  const call = new Call(grants);
  const { connector } = await instantiate(core, {
    'flint:mqtt/publisher': {
      publish: (...given) => call.publish(...given),
      check: (...given) => call.check(...given),
      connectionsTried: () => call.connectionsTried,
    },
  });
  const { meta } = await connector.send(text(config), text(request));
  return { meta: { 'exit-code': meta.exitCode, message: meta.message } };
}

/** A document as JSON. What is text already is passed as it stands, with the digits of its numbers. */
const text = (document) => (typeof document === 'string' ? document : JSON.stringify(document));
