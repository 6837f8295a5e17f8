import { SettlementError } from '../../ledger-service/vocabulary/errors.ts';
import type { Address, Hex } from './domain.ts';
import type { ChainNode } from './node.ts';

export type NamedNode = Readonly<{ name: string; node: ChainNode }>;

/** A node that said something else than the quorum. */
export type Dissent = Readonly<{
  node: string;
  question: 'head' | 'block' | 'logs' | 'receipt' | 'balance' | 'spentNonces';
  subject: string;
  said: string;
  quorumSaid: string;
}>;

export type QuorumOptions = Readonly<{
  chainId: number;
  /** How many have to say the same; more than half, so that two answers never have it. */
  quorum: number;
  /** Told of every node that dissents; what it throws is its own affair. */
  onDissent: (dissents: readonly Dissent[]) => void;
}>;

/** A node so many blocks behind the others lags; closer than that is the way of networks. */
const TOLERATED_LAG = 3;
const LONGEST_SAID = 200;

/**
 * Several nodes as one, which says only what a quorum of them says.
 *
 * What is fact (blocks, logs, receipts, balances, spent nonces) is taken when enough nodes say the very same; heights, prices
 * and next nonces are estimates, of which the one is taken that enough nodes reach. What is sent goes to all of them.
 *
 * Errors: thrown CHAIN_QUORUM_MISSING (retryable) when too few agree: nothing is concluded
 */
export function quorumOf(nodes: readonly NamedNode[], options: QuorumOptions): ChainNode {
  const { chainId, quorum, onDissent } = options;
  requireMajority(nodes.length, quorum);

  const agree = <Answer>(
    question: Dissent['question'],
    subject: string,
    ask: (node: ChainNode) => Promise<Answer>,
  ): Promise<Answer> => agreeOn(nodes, { question, subject, quorum, ask, onDissent });

  return {
    chainId,
    async head() {
      const answers = await answersOf(nodes, (node) => node.head());
      const height = reached(answers, quorum, 'head');
      const behind = answers.filter(({ answer }) => answer < height - TOLERATED_LAG);
      if (behind.length > 0) {
        onDissent(behind.map(({ name, answer }) => dissentOf(name, 'head', '', String(answer), String(height))));
      }
      return height;
    },
    block: (height) => agree('block', String(height), (node) => node.block(height)),
    blocks: (from, to) =>
      Promise.all(
        // Each height by itself: a node on another branch from some height on still counts below it.
        Array.from({ length: to - from + 1 }, (_, index) =>
          agree('block', String(from + index), (node) => node.block(from + index)),
        ),
      ),
    logs: (from, to, addresses) => agree('logs', `${from}-${to}`, (node) => node.logs(from, to, addresses)),
    logsOf: (blockHashes, addresses) =>
      blockHashes.length === 0
        ? Promise.resolve([])
        : agree('logs', blockHashes.join(','), (node) => node.logsOf(blockHashes, addresses)),
    transfersOf: (blockHashes, recipients) =>
      blockHashes.length === 0
        ? Promise.resolve([])
        : agree('logs', `transfers in ${blockHashes.join(',')}`, (node) => node.transfersOf(blockHashes, recipients)),
    receipt: (chainHash) => agree('receipt', chainHash, (node) => node.receipt(chainHash)),
    revertReason: (chainHash) => agree('receipt', chainHash, (node) => node.revertReason(chainHash)),
    send: (raw) => sendToAll(nodes, raw, quorum),
    async gasPrice() {
      return reached(await answersOf(nodes, (node) => node.gasPrice()), quorum, 'gas price');
    },
    async nextNonce(address) {
      return reached(await answersOf(nodes, (node) => node.nextNonce(address)), quorum, 'next nonce');
    },
    spentNonces: (address: Address, blockHash: Hex) =>
      agree('spentNonces', blockHash, (node) => node.spentNonces(address, blockHash)),
    coinsAt: (owner, blockHash) =>
      agree('balance', `coins of ${owner} in ${blockHash}`, (node) => node.coinsAt(owner, blockHash)),
    balance: (token, owner, height) =>
      agree('balance', `${token} of ${owner} at ${height}`, (node) => node.balance(token, owner, height)),
  };
}

/** More than half of so many. */
export function majorityOf(nodes: number): number {
  return Math.floor(nodes / 2) + 1;
}

function requireMajority(nodes: number, quorum: number): void {
  if (quorum >= majorityOf(nodes) && quorum <= nodes) return;
  throw new SettlementError('CONFIGURATION_INVALID', `a quorum of ${nodes} is ${majorityOf(nodes)} to ${nodes}`, {
    param: 'RPC_QUORUM',
    quorum,
    nodes,
  });
}

type Question<Answer> = Readonly<{
  question: Dissent['question'];
  subject: string;
  quorum: number;
  ask: (node: ChainNode) => Promise<Answer>;
  onDissent: (dissents: readonly Dissent[]) => void;
}>;

/** Answers as soon as enough nodes say the same; those that say otherwise are told of when the last has answered. */
function agreeOn<Answer>(nodes: readonly NamedNode[], { quorum, ask, ...about }: Question<Answer>): Promise<Answer> {
  const { question, subject, onDissent } = about;
  return new Promise<Answer>((resolve, reject) => {
    const votes = new Map<string, string[]>();
    let agreed: string | undefined;
    let silent = 0;
    let waiting = nodes.length;
    const count = (name: string, answer: Answer) => {
      const said = canonical(answer);
      const voters = [...(votes.get(said) ?? []), name];
      votes.set(said, voters);
      if (agreed !== undefined || voters.length < quorum) return;
      agreed = said;
      resolve(answer);
    };
    const end = () => {
      waiting -= 1;
      if (waiting > 0) return;
      if (agreed === undefined) {
        const answers = [...votes].map(([said, voters]) => `${voters.join(', ')}: ${said.slice(0, LONGEST_SAID)}`);
        reject(quorumMissing(`${question} ${subject}`, quorum, [...answers, `silent: ${silent}`]));
        return;
      }
      const dissents = [...votes].flatMap(([said, voters]) =>
        said === agreed ? [] : voters.map((name) => dissentOf(name, question, subject, said, agreed!)),
      );
      if (dissents.length > 0) onDissent(dissents);
    };
    for (const { name, node } of nodes) {
      ask(node)
        .then(
          (answer) => count(name, answer),
          () => {
            silent += 1;
          },
        )
        .then(end);
    }
  });
}

type Named<Answer> = Readonly<{ name: string; answer: Answer }>;

async function answersOf<Answer>(
  nodes: readonly NamedNode[],
  ask: (node: ChainNode) => Promise<Answer>,
): Promise<readonly Named<Answer>[]> {
  const settled = await Promise.allSettled(nodes.map(({ node }) => ask(node)));
  return settled.flatMap((one, index) =>
    one.status === 'fulfilled' ? [{ name: nodes[index]!.name, answer: one.value }] : [],
  );
}

/** The highest that as many nodes as the quorum reach: fewer than a quorum can neither raise nor lower it. */
function reached<Estimate extends number | bigint>(
  answers: readonly Named<Estimate>[],
  quorum: number,
  question: string,
): Estimate {
  if (answers.length < quorum) throw quorumMissing(question, quorum, [`${answers.length} answered`]);
  const sorted = answers.map(({ answer }) => answer).sort((left, right) => (left < right ? 1 : -1));
  return sorted[quorum - 1]!;
}

/** One node that takes it is enough; that it cannot be taken has to be said by a quorum. */
async function sendToAll(nodes: readonly NamedNode[], raw: Hex, quorum: number): Promise<'accepted' | 'known'> {
  const settled = await Promise.allSettled(nodes.map(({ node }) => node.send(raw)));
  const failures = settled.flatMap((one) => (one.status === 'rejected' ? [one.reason as unknown] : []));
  for (const code of ['CHAIN_CALL_REFUSED', 'OPERATOR_FUNDS_MISSING'] as const) {
    const saying = failures.filter((error) => error instanceof SettlementError && error.code === code);
    if (saying.length >= quorum) throw saying[0];
  }
  const answers = settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  if (answers.length === 0) throw quorumMissing('send', quorum, failures.map(String));
  return answers.includes('accepted') ? 'accepted' : 'known';
}

function dissentOf(
  node: string,
  question: Dissent['question'],
  subject: string,
  said: string,
  quorumSaid: string,
): Dissent {
  const short = (text: string) => text.slice(0, LONGEST_SAID);
  return { node, question, subject: short(subject), said: short(said), quorumSaid: short(quorumSaid) };
}

function quorumMissing(question: string, quorum: number, answers: readonly string[]): SettlementError {
  const message = `${quorum} nodes have to say the same of ${question.slice(0, LONGEST_SAID)}`;
  return new SettlementError('CHAIN_QUORUM_MISSING', message, { quorum, answers: answers.join(' · ').slice(0, 500) });
}

/** The same text for the same answer, whatever the order of its fields. */
function canonical(answer: unknown): string {
  return (
    JSON.stringify(answer, (_, value: unknown) => {
      if (typeof value === 'bigint') return value.toString();
      if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
      return Object.fromEntries(Object.entries(value).sort(([left], [right]) => (left < right ? -1 : 1)));
    }) ?? 'nothing'
  );
}
