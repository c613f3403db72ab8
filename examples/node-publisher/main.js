#!/usr/bin/env node
// Sends one message: reads {"config": {…}, "request": {…}} from standard input, and prints {"meta": {…}}. The arguments are the
// brokers that are granted, as in tcp://localhost:1883, or tcp://localhost for each of its ports.

import { text } from 'node:stream/consumers';

import { send } from './index.js';

const { config, request } = JSON.parse(await text(process.stdin));
console.log(JSON.stringify(await send(process.argv.slice(2), config, request)));
