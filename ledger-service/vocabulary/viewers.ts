/** The kinds of those who take part in payments. */
export type ParticipantKind = 'issuer' | 'acquirer' | 'merchant' | 'payer';

/**
 * For whom something is read or moved: a participant reaches what is its own, and all else is unknown to it. Without a
 * participant: whoever runs this, who reaches everything.
 */
export type Viewer = Readonly<{ participantId?: string; participantKind?: ParticipantKind }>;

export const EVERYTHING: Viewer = {};

/** How the accounts of a participant, and its name in a settlement model, begin; undefined for who sees everything. */
export function partyOf({ participantKind, participantId }: Viewer): string | undefined {
  return participantId === undefined ? undefined : `${participantKind ?? 'unknown'}/${participantId}`;
}
