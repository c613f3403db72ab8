// What the contract's connect options and properties are called in mqtt.js.

import { createSecureContext } from 'node:tls';

/** PEM text. Files are the host's, and none is granted here. */
function pem(parameter, given) {
  if (given?.tag === 'file') throw { tag: 'denied', val: `${parameter} names a file, and this host reads none: give its text` };
  return given?.val;
}

/** Leaves out what is undefined, which mqtt.js would take for a value. */
const given = (values) => Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));

function tls({ rootCa, identity, serverName, alpnProtocols, verifyServer }) {
  if (!verifyServer) throw { tag: 'denied', val: 'this host always verifies the server' };
  const of = given({
    ca: pem('root-ca-crt', rootCa),
    cert: pem('certificate', identity?.certificate),
    key: pem('private-key', identity?.privateKey),
    passphrase: identity?.privateKeyPassword,
    servername: serverName,
    ALPNProtocols: alpnProtocols.length ? alpnProtocols : undefined,
    minVersion: 'TLSv1.2',
  });
  try {
    createSecureContext(of);
  } catch {
    throw { tag: 'unusable-credential', val: 'root-ca-crt, certificate or private-key: it is not PEM that OpenSSL reads, or they do not fit' };
  }
  return of;
}

const PROTOCOLS = { tcp: 'mqtt', tls: 'mqtts', websocket: 'ws', 'websocket-tls': 'wss' };
const QOS = ['at-most-once', 'at-least-once', 'exactly-once'];

/** The number of a quality of service, and the other way round. */
export const qosNumber = (qos) => QOS.indexOf(qos);
export const qosName = (number) => QOS[number];

/** Properties of PUBLISH, and of a will but for its delay. */
export function publishProperties(of) {
  const { userProperties, correlationData } = of;
  const user = {};
  // mqtt.js keeps the order of values with one name, not that of names.
  for (const [name, value] of userProperties ?? []) (user[name] ??= []).push(value);
  return given({
    payloadFormatIndicator: of.payloadFormatIndicator || undefined,
    messageExpiryInterval: of.messageExpiryInterval,
    contentType: of.contentType,
    responseTopic: of.responseTopic,
    correlationData: correlationData && Buffer.from(correlationData),
    userProperties: userProperties?.length ? user : undefined,
  });
}

function will({ topic, payload, qos, retain, properties }) {
  const of = properties && given({ ...publishProperties(properties), willDelayInterval: properties.delayInterval || undefined });
  return given({ topic, payload: Buffer.from(payload), qos: qosNumber(qos), retain, properties: of });
}

/** The options of a client for all brokers. An error of the contract is thrown for what this host cannot do. */
export function clientOptions(options) {
  const of = options.tls === undefined ? {} : tls(options.tls);
  const headers = Object.fromEntries(options.websocketHeaders.map(({ name, value }) => [name, value]));
  const isV5 = options.protocolVersion === 'v5';
  const { username, password } = options.credentials ?? {};
  // mqtt.js would end the connection without a word.
  if (password !== undefined && username === undefined) throw { tag: 'denied', val: 'this host sends no password without a username' };
  return given({
    ...of,
    wsOptions: { ...of, headers, followRedirects: false },
    protocolVersion: isV5 ? 5 : 4,
    clientId: options.clientId,
    clean: options.cleanSession,
    keepalive: options.keepAlive,
    username,
    password,
    will: options.will && will(options.will),
    properties: isV5 ? given({ sessionExpiryInterval: options.sessionExpiryInterval }) : undefined,
    // Connections are tried again here, and nothing is subscribed to.
    reconnectPeriod: 0,
    resubscribe: false,
    queueQoSZero: false,
  });
}

/** Where a broker is. */
export const brokerOptions = ({ transport, host, port, path }) => given({
  protocol: PROTOCOLS[transport], host, hostname: host.includes(':') && path ? `[${host}]` : host, port, path: path || undefined,
});
