// A connection of mqtt.js that says the truth about one message at a time.

import mqtt from 'mqtt';

import { brokerOptions, publishProperties, qosName, qosNumber } from './options.js';

/** Codes with which a broker says that another connection may go better (docs/delivery.md). */
const TRANSIENT = new Set([3, 136, 137, 139, 141, 150, 159, 160]);
/** Retain not supported (MQTT 5.0, section 2.4). */
const NOT_RETAINED = 154;
/** Milliseconds that a broker which answers QoS 2 with PUBACK has to send PUBREC. */
const PUBREC_GRACE = 5000;
/** Within which the system has taken a message, or has no room for it. */
const TICKS = 8;

const NOT_FOUND = /^(ENOTFOUND|EAI_)/;
const NOT_THERE = /^(ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT|EADDRNOTAVAIL)/;
const CUT_OFF = /^(ECONNRESET|EPIPE)/;
const OF_TLS = /CERT|SIGN|UNABLE_TO|ERR_TLS|ERR_SSL|EPROTO|ISSUER/;
/** What `ws` says of an answer in HTTP after which another try may succeed. */
const BUSY = /^Unexpected server response: (408|429|50[0234])$/;

// mqtt.js would go through the proxy that it names, past what is granted.
delete process.env.MQTTJS_SOCKS_PROXY;

/** Why a connection ended, or could not be had. `tag` is one of `error` in the contract. */
export class Ended extends Error {
  constructor(tag, broker, reason, { isTransient = false, refusal } = {}) {
    super(reason);
    Object.assign(this, { tag, broker, reason, isTransient, refusal });
  }

  /** The error of a message. One that was sent may have arrived, whatever came after: it is never called unsent. */
  about(sent) {
    const progress = sent ? 'sent-unacknowledged' : 'not-sent';
    const failure = { broker: this.broker, progress, reason: this.reason };
    switch (this.tag) {
      case 'disconnected': return { tag: this.tag, val: { progress, refusal: this.refusal } };
      case 'connection-lost': case 'timed-out': case 'protocol': return { tag: this.tag, val: failure };
      default:
        if (sent) return { tag: 'connection-lost', val: failure };
        return { tag: this.tag, val: this.tag === 'connection-refused' ? this.refusal : this.reason };
    }
  }
}

export class Connection {
  #exchange;
  #broker;
  #client;
  #connack = null;
  #accepted = Promise.withResolvers();
  /** Rejected by the end of the connection. */
  #over = Promise.withResolvers();
  #isOver = false;
  #timers = [];

  /** `exchange` is what outlives a connection: `pending` is the message that may have arrived and is not settled. */
  constructor(exchange, broker) {
    this.#exchange = exchange;
    this.#broker = broker;
    // Whoever waits is told; when nobody does, nothing is wrong.
    this.#over.promise.catch(() => {});
  }

  /** Connects, and waits until the broker accepts. What is pending is sent again: mqtt.js sends what is in its store. */
  async open(where) {
    const { options, deadline, identifier, pending } = this.#exchange;
    const outgoingStore = new mqtt.Store({ clean: false });
    if (pending !== null) outgoingStore.put(pending.packet, () => {});
    const messageIdProvider = {
      allocate: () => identifier, getLastAllocated: () => identifier, register: () => true, deallocate() {}, clear() {},
    };
    this.#after(deadline - performance.now(), () => this.#end('timed-out', 'no answer in time'));
    this.#client = mqtt.connect({ ...options, ...brokerOptions(where), outgoingStore, messageIdProvider, connectTimeout: 2 ** 31 - 1 });
    this.#client.on('packetreceive', (packet) => this.#receive(packet, outgoingStore));
    this.#client.on('error', (error) => this.#fail(error));
    // mqtt.js keeps errors without a code to itself, an answer in HTTP among them.
    this.#client.stream.on('error', (error) => this.#fail(error));
    this.#client.on('close', () => this.#end('connection-lost', 'the connection ended', { isTransient: true }));
    const isForgotten = await Promise.race([this.#accepted.promise, this.#over.promise]);
    if (isForgotten) {
      await this.close();
      throw new Ended('connection-lost', this.#broker, 'the broker did not keep the session');
    }
  }

  /** Publishes, and waits for the acknowledgement that is the message's own. */
  async deliver(message) {
    const exchange = this.#exchange;
    if (exchange.pending === null) {
      const { topic, retain } = message;
      const limits = this.#connack.properties ?? {};
      if (retain && !(limits.retainAvailable ?? true)) return refused(this.#refusal(NOT_RETAINED));
      const qos = Math.min(qosNumber(message.qos), limits.maximumQoS ?? 2);
      const properties = message.properties && publishProperties(message.properties);
      const payload = Buffer.from(message.payload);
      if (qos > 0) {
        // From here on every byte counts as if it were the message's last: it may have arrived.
        const packet = { cmd: 'publish', topic, payload, qos, retain, dup: true, messageId: exchange.identifier, properties };
        const awaits = qos === 1 ? 'puback' : 'pubrec';
        exchange.pending = { qos, packet, awaits, code: 0, isRepeated: false, settled: Promise.withResolvers() };
      }
      this.#client.publish(topic, payload, { qos, retain, properties });
      if (qos === 0) {
        await this.#written();
        return this.#receipt(0, 0);
      }
    }
    const { qos, settled } = exchange.pending;
    const { code, refusal } = await Promise.race([settled.promise, this.#over.promise]);
    exchange.pending = null;
    return refusal === undefined ? this.#receipt(qos, code) : refused(refusal);
  }

  /** Ends the connection with DISCONNECT, so that the will is not published. */
  async close(why = new Ended('connection-lost', this.#broker, 'the connection was closed')) {
    if (this.#finish(why)) {
      this.#client.removeOutgoingMessage(this.#exchange.identifier);
      const closed = new Promise((done) => this.#client.once('close', done));
      this.#client.end();
      await closed;
    }
  }

  /** What the broker says, before mqtt.js acts on it: that takes any acknowledgement of PUBLISH for the right one. */
  #receive(packet, store) {
    const { pending } = this.#exchange;
    const code = packet.reasonCode ?? packet.returnCode ?? 0;
    if ((packet.cmd === 'connack') === (this.#connack !== null)) {
      this.#end('protocol', 'CONNACK is not its first packet, or not its only CONNACK');
    } else if (packet.cmd === 'connack' && code > 0) {
      const refusal = this.#refusal(code, packet.properties);
      this.#end('connection-refused', `the broker refused the connection with code ${code}`, { isTransient: TRANSIENT.has(code), refusal });
    } else if (packet.cmd === 'connack') {
      this.#connack = packet;
      // Sent again in a new session, a message of QoS 2 might arrive twice.
      const isForgotten = pending?.qos === 2 && !packet.sessionPresent;
      if (isForgotten) store.del(pending.packet, () => {});
      if (pending !== null) pending.isRepeated = true;
      this.#accepted.resolve(isForgotten);
    } else if (packet.cmd === 'disconnect' && code >= 128) {
      const refusal = this.#refusal(code, packet.properties);
      this.#end('disconnected', 'the broker ended the connection', { isTransient: TRANSIENT.has(code), refusal });
    } else if (packet.cmd.startsWith('pub') && !this.#isOwn(packet, code)) {
      // It goes no further. Nobody has subscribed: what a broker publishes here is not answered.
      packet.cmd = 'pingresp';
    }
  }

  /** Whether this is the acknowledgement that the message waits for; it is noted. */
  #isOwn({ cmd, messageId, properties }, code) {
    const { pending, identifier } = this.#exchange;
    const awaits = messageId === identifier && pending !== null ? pending.awaits : null;
    if (cmd === 'pubrec' && code < 128 && (awaits === null || awaits === 'pubcomp')) {
      // Late or repeated: the broker waits for PUBREL.
      this.#client.stream.write(Buffer.from([0x62, 2, messageId >> 8, messageId & 0xff]));
    } else if (cmd === 'puback' && awaits === 'pubrec') {
      const why = new Ended('protocol', this.#broker, 'it answered a message of QoS 2 with PUBACK: set qos to 1');
      this.#after(PUBREC_GRACE, () => pending.awaits === 'pubrec' && this.close(why));
    }
    if (cmd !== awaits) return false;
    if (code >= 128 && cmd !== 'pubcomp') {
      // The exchange is over: there is no PUBREL (MQTT 5.0, section 4.3.3).
      pending.settled.resolve({ refusal: this.#refusal(code, properties) });
    } else if (cmd === 'pubrec') {
      Object.assign(pending, { awaits: 'pubcomp', code, packet: { cmd: 'pubrel', qos: 2, messageId } });
    } else if (cmd === 'pubcomp' && code >= 128 && !pending.isRepeated) {
      this.#end('protocol', `PUBCOMP with reason code ${code}, after PUBREC without`);
    } else {
      pending.settled.resolve({ code: cmd === 'puback' ? code : pending.code });
    }
    return true;
  }

  /** What an error of Node's or of mqtt.js's means. */
  #fail({ code = '', message }) {
    const isConnected = this.#connack !== null;
    if (BUSY.test(message)) this.#end('unreachable', 'its WebSocket is not available', { isTransient: true });
    else if (NOT_FOUND.test(code)) this.#end('host-not-found', 'no address was found for its name');
    else if (NOT_THERE.test(code) && !isConnected) this.#end('unreachable', 'no connection could be made', { isTransient: true });
    else if (this.#client.stream.secureConnecting && CUT_OFF.test(code)) this.#end('tls', 'the connection was lost during the handshake');
    else if (NOT_THERE.test(code) || CUT_OFF.test(code)) this.#end('connection-lost', 'the connection was cut', { isTransient: true });
    else if (OF_TLS.test(code)) this.#end('tls', `the handshake failed, or the certificate was not accepted (${code})`);
    else this.#end('protocol', 'it said something that is not MQTT, or not WebSocket');
  }

  /** Ends the connection without a word: the broker publishes the will. The first reason counts. */
  #end(tag, reason, more) {
    if (this.#finish(new Ended(tag, this.#broker, reason, more))) this.#client?.end(true);
  }

  #finish(why) {
    const isFirst = !this.#isOver;
    this.#isOver = true;
    this.#timers.forEach(clearTimeout);
    this.#over.reject(why);
    return isFirst;
  }

  #after(milliseconds, then) {
    this.#timers.push(setTimeout(then, Math.max(0, milliseconds)));
  }

  /** Waits until the socket has taken every byte of QoS 0. mqtt.js itself calls back when they are in a buffer. */
  async #written() {
    const { stream } = this.#client;
    // mqtt.js holds what it writes back until the next tick, and the socket tells of it some ticks later.
    for (let tick = 0; tick < TICKS && stream.writableLength > 0; tick += 1) await new Promise((done) => process.nextTick(done));
    // A write that failed at once has sent nothing.
    if (stream.destroyed) await this.#over.promise;
    while (stream.writableLength > 0) {
      // How many bytes have left is not known: a message that is cut off here may have arrived, and is not repeated.
      this.#exchange.pending ??= { qos: 0 };
      await Promise.race([new Promise((done) => setTimeout(done, 1)), this.#over.promise]);
    }
    this.#exchange.pending = null;
  }

  #receipt(qos, reasonCode) {
    const assignedClientId = this.#connack.properties?.assignedClientIdentifier;
    const elapsedMicroseconds = BigInt(Math.round((performance.now() - this.#exchange.begun) * 1000));
    return { tag: 'ok', val: { qos: qosName(qos), reasonCode, broker: this.#broker, assignedClientId, elapsedMicroseconds } };
  }

  /** The code of a refusal, and under MQTT 5 the broker's own words. */
  #refusal(code, properties) {
    return { broker: this.#broker, code, reason: properties?.reasonString ?? '', serverReference: properties?.serverReference };
  }
}

const refused = (refusal) => ({ tag: 'err', val: { tag: 'publish-refused', val: refusal } });
