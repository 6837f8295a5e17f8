/** What may happen to a client's request on its way, and to the answer on its way back. */
export type RequestFaults = Readonly<{ requestLost: number; replyLost: number; repeated: number; doubled: number }>;
export const NO_REQUEST_FAULTS: RequestFaults = { requestLost: 0, replyLost: 0, repeated: 0, doubled: 0 };
