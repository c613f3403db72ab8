// The MQTT `send` connector: one WebAssembly component that decides and acts. Its sockets are those of preview2-shim.

import { readFile } from 'node:fs/promises';

import { WASIShim } from '@bytecodealliance/preview2-shim/instantiation';

import { instantiate } from './composed/composed.js';

/**
 * An instance of the component. It has the network, of the files those below `directories` ({ '/certs': './certs' }), and of the
 * environment nothing.
 */
export async function open(directories = {}) {
  const core = async (name) => WebAssembly.compile(await readFile(new URL(`composed/${name}`, import.meta.url)));
  const wasi = new WASIShim({ sandbox: { preopens: directories, env: {}, args: [] } });
  const { connector } = await instantiate(core, wasi.getImportObject());
  return {
    /** Sends one message. It blocks this thread until there is an answer: in a server, call it in a worker thread. */
    send(config, request) {
      const { meta } = connector.send(text(config), text(request));
      return { meta: { 'exit-code': meta.exitCode, message: meta.message } };
    },
  };
}

/** A document as JSON. What is text already is passed as it stands, with the digits of its numbers. */
const text = (document) => (typeof document === 'string' ? document : JSON.stringify(document));
