import { appendFileSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { codeOf, SignerStage, voidIntent } from '../../../support/signer-stage.ts';

let stage: SignerStage;

beforeEach(async () => {
  stage = new SignerStage();
  for (const nonce of [0, 1, 2]) await stage.sign(voidIntent(nonce), nonce);
});
afterEach(() => stage.remove());

const tampered = expect.objectContaining({ code: 'SIGNER_STORE_TAMPERED' });

describe('signer: its store', () => {
  test('a last line that a crash cut short is taken away, and its nonce is given out again', async () => {
    const whole = readFileSync(stage.file);
    appendFileSync(stage.file, `${'a'.repeat(64)} {"type":"sig`);
    stage.restart();
    expect(readFileSync(stage.file)).toEqual(whole);
    expect(codeOf(await stage.sign(voidIntent(3), 3))).toBe('signed');
    stage.restart();
    expect((await stage.core.describe()).head.count).toBe(4);
  });

  test('any byte of any line that was changed is noticed', () => {
    const whole = readFileSync(stage.file);
    const lines = whole.toString('utf8').split('\n');
    const places = lines.flatMap((line, index) => {
      const from = lines.slice(0, index).reduce((sum, one) => sum + one.length + 1, 0);
      return line === '' ? [] : [0, 63, 65, 80, line.length - 2].map((at) => from + at);
    });
    for (const place of places) {
      const changed = Buffer.from(whole);
      changed[place] = changed[place]! ^ 1;
      writeFileSync(stage.file, changed);
      expect(() => stage.restart()).toThrow(tampered);
    }
    writeFileSync(stage.file, whole);
    stage.restart();
  });

  test('a line that was left out, doubled or moved is noticed', () => {
    const whole = readFileSync(stage.file, 'utf8');
    const [first, second, third] = whole.split('\n');
    for (const lines of [
      [second, third],
      [first, third],
      [first, first, second, third],
      [second, first, third],
    ]) {
      writeFileSync(stage.file, `${lines.join('\n')}\n`);
      expect(() => stage.restart()).toThrow(tampered);
    }
    writeFileSync(stage.file, whole);
    stage.restart();
  });

  test('an older copy is noticed by its head', () => {
    const whole = readFileSync(stage.file, 'utf8');
    const [first, second] = whole.split('\n');
    writeFileSync(stage.file, `${first}\n${second}\n`);
    expect(() => stage.restart()).toThrow(tampered);
    truncateSync(stage.file, 0);
    expect(() => stage.restart()).toThrow(tampered);
    writeFileSync(stage.file, whole);
    stage.restart();
  });

  test('an older copy together with its older head is noticed by the chain', async () => {
    const [first] = readFileSync(stage.file, 'utf8').split('\n');
    writeFileSync(stage.file, `${first}\n`);
    rmSync(`${stage.file}.head`);
    stage.spent = 3;
    stage.restart();
    await expect(stage.sign(voidIntent(7), 1)).rejects.toMatchObject({ code: 'SIGNER_STORE_BEHIND' });
  });

  test('a second signer on the same store is noticed before it signs anything', async () => {
    const second = new SignerStage();
    try {
      Object.assign(second, { file: stage.file });
      const other = second.restart();
      expect(codeOf(await stage.sign(voidIntent(3), 3))).toBe('signed');
      const request = { key: stage.keys[0]!.address, fees: { maxFeePerGas: 1n, maxPriorityFeePerGas: 1n } };
      const asked = other.sign({ ...request, calls: [{ nonce: 3, intent: voidIntent(4) }] });
      await expect(asked).rejects.toMatchObject({ code: 'SIGNER_STORE_TAMPERED' });
    } finally {
      second.remove();
    }
  });
});
