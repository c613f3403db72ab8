#!/usr/bin/env node
// Sends one message: reads {"config": {…}, "request": {…}} from standard input, and prints {"meta": {…}}.

import { text } from 'node:stream/consumers';

import { open } from './index.js';

const { config, request } = JSON.parse(await text(process.stdin));
const connector = await open();
console.log(JSON.stringify(connector.send(config, request)));
