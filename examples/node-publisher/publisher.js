// The interface `publisher` of wit/connector.wit on mqtt.js: each message is answered by its own acknowledgement.

import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

import { Connection, Ended } from './connection.js';
import { clientOptions } from './options.js';

const SCHEMES = { tcp: 'tcp', tls: 'ssl', websocket: 'ws', 'websocket-tls': 'wss' };
/** A scheme, a host that may be an IPv6 address in brackets, and a port or none. */
const GRANT = /^(tcp|ssl|ws|wss):\/\/(?:\[([0-9a-f:.]+)\]|([^\/:@[\]]+))(?::(\d+))?\/?$/i;

function parse(grant) {
  const found = GRANT.exec(grant);
  if (found === null) throw new TypeError(`a grant is a URL such as ssl://broker.example:8883 or ssl://broker.example, and not ${grant}`);
  const [, scheme, address, name, port] = found;
  return { scheme: scheme.toLowerCase(), host: (address ?? name).toLowerCase(), port: port && Number(port) };
}

/** The three functions of `publisher`, for one call of the component. */
export class Call {
  #grants;
  connectionsTried = 0;

  constructor(grants) {
    this.#grants = grants.map(parse);
  }

  /** What `publish` would answer, without the network. Nothing is remarked. */
  check(options) {
    this.#options(options);
    return [];
  }

  async publish(options, messages, { timeout, retries }) {
    this.connectionsTried = 0;
    const begun = performance.now();
    // In a session that goes on, an identifier may be half done since an earlier process.
    const identifier = options.cleanSession ? 1 : randomInt(1, 65536);
    const exchange = { begun, deadline: begun + timeout, options: this.#options(options), identifier, pending: null };
    const results = [];
    for (let attempt = 0; ; attempt += 1) {
      try {
        const connection = await this.#connect(exchange, options.brokers);
        while (results.length < messages.length) results.push(await connection.deliver(messages[results.length]));
        await connection.close();
        return results;
      } catch (ended) {
        if (!(ended instanceof Ended)) throw ended;
        // What was sent may have arrived. Again goes QoS 1, as a duplicate, and QoS 2 in a session that goes on.
        const { pending } = exchange;
        const again = pending === null || pending.qos === 1 || pending.qos === 2 && !options.cleanSession;
        if (ended.isTransient && again && attempt < retries && await wait(attempt, exchange.deadline)) continue;
        // The outer error means that no message was sent.
        if (results.length === 0 && pending === null) throw ended.about(false);
        const rest = messages.slice(results.length);
        return [...results, ...rest.map((_, number) => ({ tag: 'err', val: ended.about(pending !== null && number === 0) }))];
      }
    }
  }

  /** Tries the brokers in order, until one takes the connection or refuses the client. */
  async #connect(exchange, brokers) {
    for (const [number, broker] of brokers.entries()) {
      this.connectionsTried += 1;
      try {
        const connection = new Connection(exchange, number);
        await connection.open(broker);
        return connection;
      } catch (ended) {
        if (!ended.isTransient || number + 1 === brokers.length) throw ended;
      }
    }
  }

  /** Options of mqtt.js. What is not granted is not tried; what cannot be done here is not left out in silence. */
  #options(options) {
    for (const broker of options.brokers) {
      const names = ({ scheme, host, port }) =>
        scheme === SCHEMES[broker.transport] && host === broker.host.toLowerCase() && (port ?? broker.port) === broker.port;
      if (!this.#grants.some(names)) {
        throw { tag: 'denied', val: `${broker.host}:${broker.port} is not among the brokers that are granted` };
      }
    }
    if (options.proxy !== undefined) throw { tag: 'denied', val: 'this host has no proxies' };
    return clientOptions(options);
  }
}

/** Waits before the next connection: half to all of 100 ms, then of 200 ms and so on. False where the time is over before. */
async function wait(attempt, deadline) {
  const pause = Math.min(5000, 100 * 2 ** attempt) * (0.5 + Math.random() / 2);
  if (performance.now() + pause >= deadline) return false;
  await sleep(pause);
  return true;
}
