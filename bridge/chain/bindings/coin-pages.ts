// Written by scripts/bindings.ts from CoinPages.sol.
export const coinPagesAbi = [
 {
  "inputs": [
   {
    "internalType": "contract IERC20",
    "name": "token",
    "type": "address"
   },
   {
    "components": [
     {
      "internalType": "uint256",
      "name": "maximumAmount",
      "type": "uint256"
     },
     {
      "internalType": "uint256",
      "name": "warnHops",
      "type": "uint256"
     },
     {
      "internalType": "uint256",
      "name": "blockHops",
      "type": "uint256"
     }
    ],
    "internalType": "struct CoinStore.Limits",
    "name": "limits",
    "type": "tuple"
   },
   {
    "internalType": "contract P256Fallback",
    "name": "p256Fallback_",
    "type": "address"
   }
  ],
  "stateMutability": "nonpayable",
  "type": "constructor"
 },
 {
  "inputs": [
   {
    "internalType": "address",
    "name": "account",
    "type": "address"
   },
   {
    "internalType": "bytes32",
    "name": "neededRole",
    "type": "bytes32"
   }
  ],
  "name": "AccessControlUnauthorizedAccount",
  "type": "error"
 },
 {
  "inputs": [],
  "name": "InvalidShortString",
  "type": "error"
 },
 {
  "inputs": [
   {
    "internalType": "uint256",
    "name": "maximumAmount",
    "type": "uint256"
   },
   {
    "internalType": "uint256",
    "name": "warnHops",
    "type": "uint256"
   },
   {
    "internalType": "uint256",
    "name": "blockHops",
    "type": "uint256"
   }
  ],
  "name": "LimitsMalformed",
  "type": "error"
 },
 {
  "inputs": [
   {
    "internalType": "uint256",
    "name": "page",
    "type": "uint256"
   }
  ],
  "name": "PageMalformed",
  "type": "error"
 },
 {
  "inputs": [],
  "name": "Paused",
  "type": "error"
 },
 {
  "inputs": [
   {
    "internalType": "uint256",
    "name": "length",
    "type": "uint256"
   }
  ],
  "name": "RecordsMalformed",
  "type": "error"
 },
 {
  "inputs": [],
  "name": "ReentrancyGuardReentrantCall",
  "type": "error"
 },
 {
  "inputs": [
   {
    "internalType": "uint256",
    "name": "coin",
    "type": "uint256"
   },
   {
    "internalType": "enum ICoinTypes.Outcome",
    "name": "outcome",
    "type": "uint8"
   }
  ],
  "name": "Refused",
  "type": "error"
 },
 {
  "inputs": [
   {
    "internalType": "uint256",
    "name": "free",
    "type": "uint256"
   },
   {
    "internalType": "uint256",
    "name": "requested",
    "type": "uint256"
   }
  ],
  "name": "ReserveInsufficient",
  "type": "error"
 },
 {
  "inputs": [
   {
    "internalType": "address",
    "name": "token",
    "type": "address"
   }
  ],
  "name": "SafeERC20FailedOperation",
  "type": "error"
 },
 {
  "inputs": [
   {
    "internalType": "string",
    "name": "str",
    "type": "string"
   }
  ],
  "name": "StringTooLong",
  "type": "error"
 },
 {
  "anonymous": false,
  "inputs": [
   {
    "indexed": false,
    "internalType": "CoinHead",
    "name": "head",
    "type": "bytes32"
   }
  ],
  "name": "Claimed",
  "type": "event"
 },
 {
  "anonymous": false,
  "inputs": [],
  "name": "EIP712DomainChanged",
  "type": "event"
 },
 {
  "anonymous": false,
  "inputs": [
   {
    "indexed": false,
    "internalType": "uint256",
    "name": "coin",
    "type": "uint256"
   },
   {
    "indexed": false,
    "internalType": "bool",
    "name": "frozen",
    "type": "bool"
   }
  ],
  "name": "FreezeChanged",
  "type": "event"
 },
 {
  "anonymous": false,
  "inputs": [
   {
    "indexed": false,
    "internalType": "uint256",
    "name": "coin",
    "type": "uint256"
   },
   {
    "indexed": false,
    "internalType": "uint256",
    "name": "hops",
    "type": "uint256"
   }
  ],
  "name": "HopsWarning",
  "type": "event"
 },
 {
  "anonymous": false,
  "inputs": [
   {
    "indexed": false,
    "internalType": "CoinHead",
    "name": "head",
    "type": "bytes32"
   },
   {
    "indexed": false,
    "internalType": "uint256",
    "name": "amount",
    "type": "uint256"
   }
  ],
  "name": "Issued",
  "type": "event"
 },
 {
  "anonymous": false,
  "inputs": [
   {
    "indexed": false,
    "internalType": "CoinHead",
    "name": "head",
    "type": "bytes32"
   },
   {
    "indexed": false,
    "internalType": "uint256",
    "name": "deadline",
    "type": "uint256"
   }
  ],
  "name": "Locked",
  "type": "event"
 },
 {
  "anonymous": false,
  "inputs": [
   {
    "indexed": false,
    "internalType": "CoinHead",
    "name": "head",
    "type": "bytes32"
   },
   {
    "indexed": false,
    "internalType": "CoinHead",
    "name": "other",
    "type": "bytes32"
   }
  ],
  "name": "Merged",
  "type": "event"
 },
 {
  "anonymous": false,
  "inputs": [
   {
    "indexed": false,
    "internalType": "CoinHead",
    "name": "head",
    "type": "bytes32"
   },
   {
    "indexed": false,
    "internalType": "CoinHead",
    "name": "other",
    "type": "bytes32"
   }
  ],
  "name": "MergedInPages",
  "type": "event"
 },
 {
  "anonymous": false,
  "inputs": [
   {
    "indexed": false,
    "internalType": "address",
    "name": "newOwner",
    "type": "address"
   },
   {
    "indexed": false,
    "internalType": "bytes",
    "name": "moves",
    "type": "bytes"
   }
  ],
  "name": "Moved",
  "type": "event"
 },
 {
  "anonymous": false,
  "inputs": [
   {
    "indexed": false,
    "internalType": "bytes",
    "name": "outcomes",
    "type": "bytes"
   }
  ],
  "name": "MovesRefused",
  "type": "event"
 },
 {
  "anonymous": false,
  "inputs": [
   {
    "indexed": false,
    "internalType": "uint256",
    "name": "page",
    "type": "uint256"
   },
   {
    "indexed": false,
    "internalType": "bytes",
    "name": "leaves",
    "type": "bytes"
   }
  ],
  "name": "PageIssued",
  "type": "event"
 },
 {
  "anonymous": false,
  "inputs": [
   {
    "indexed": false,
    "internalType": "uint256",
    "name": "page",
    "type": "uint256"
   },
   {
    "indexed": false,
    "internalType": "address",
    "name": "newOwner",
    "type": "address"
   },
   {
    "indexed": false,
    "internalType": "bytes",
    "name": "leaves",
    "type": "bytes"
   },
   {
    "indexed": false,
    "internalType": "bytes",
    "name": "outcomes",
    "type": "bytes"
   }
  ],
  "name": "PageMoved",
  "type": "event"
 },
 {
  "anonymous": false,
  "inputs": [
   {
    "indexed": false,
    "internalType": "uint256",
    "name": "page",
    "type": "uint256"
   },
   {
    "indexed": false,
    "internalType": "bytes",
    "name": "changes",
    "type": "bytes"
   },
   {
    "indexed": false,
    "internalType": "bytes",
    "name": "outcomes",
    "type": "bytes"
   }
  ],
  "name": "PageSwitched",
  "type": "event"
 },
 {
  "anonymous": false,
  "inputs": [
   {
    "indexed": false,
    "internalType": "CoinHead",
    "name": "row",
    "type": "bytes32"
   }
  ],
  "name": "PassedAdjacent",
  "type": "event"
 },
 {
  "anonymous": false,
  "inputs": [
   {
    "indexed": false,
    "internalType": "bool",
    "name": "paused",
    "type": "bool"
   }
  ],
  "name": "PauseChanged",
  "type": "event"
 },
 {
  "anonymous": false,
  "inputs": [
   {
    "indexed": false,
    "internalType": "CoinHead",
    "name": "head",
    "type": "bytes32"
   }
  ],
  "name": "Reclaimed",
  "type": "event"
 },
 {
  "anonymous": false,
  "inputs": [
   {
    "indexed": false,
    "internalType": "CoinHead",
    "name": "head",
    "type": "bytes32"
   },
   {
    "indexed": false,
    "internalType": "uint256",
    "name": "amount",
    "type": "uint256"
   }
  ],
  "name": "Redeemed",
  "type": "event"
 },
 {
  "anonymous": false,
  "inputs": [
   {
    "indexed": false,
    "internalType": "CoinHead",
    "name": "head",
    "type": "bytes32"
   },
   {
    "indexed": false,
    "internalType": "uint256",
    "name": "amount",
    "type": "uint256"
   }
  ],
  "name": "RedeemedFromPage",
  "type": "event"
 },
 {
  "anonymous": false,
  "inputs": [
   {
    "indexed": false,
    "internalType": "uint256",
    "name": "reserve",
    "type": "uint256"
   }
  ],
  "name": "ReserveCounted",
  "type": "event"
 },
 {
  "anonymous": false,
  "inputs": [
   {
    "indexed": false,
    "internalType": "CoinHead",
    "name": "rest",
    "type": "bytes32"
   },
   {
    "indexed": false,
    "internalType": "CoinHead",
    "name": "part",
    "type": "bytes32"
   },
   {
    "indexed": false,
    "internalType": "uint256",
    "name": "partAmount",
    "type": "uint256"
   }
  ],
  "name": "Split",
  "type": "event"
 },
 {
  "anonymous": false,
  "inputs": [
   {
    "indexed": false,
    "internalType": "CoinHead",
    "name": "rest",
    "type": "bytes32"
   },
   {
    "indexed": false,
    "internalType": "CoinHead",
    "name": "part",
    "type": "bytes32"
   },
   {
    "indexed": false,
    "internalType": "uint256",
    "name": "partAmount",
    "type": "uint256"
   }
  ],
  "name": "SplitInPages",
  "type": "event"
 },
 {
  "anonymous": false,
  "inputs": [
   {
    "indexed": false,
    "internalType": "address",
    "name": "recipient",
    "type": "address"
   },
   {
    "indexed": false,
    "internalType": "uint256",
    "name": "amount",
    "type": "uint256"
   }
  ],
  "name": "SurplusWithdrawn",
  "type": "event"
 },
 {
  "anonymous": false,
  "inputs": [
   {
    "indexed": false,
    "internalType": "CoinHead",
    "name": "head",
    "type": "bytes32"
   }
  ],
  "name": "Switched",
  "type": "event"
 },
 {
  "anonymous": false,
  "inputs": [
   {
    "indexed": false,
    "internalType": "bytes",
    "name": "heads",
    "type": "bytes"
   },
   {
    "indexed": false,
    "internalType": "bytes",
    "name": "outcomes",
    "type": "bytes"
   }
  ],
  "name": "SwitchedBatch",
  "type": "event"
 },
 {
  "inputs": [],
  "name": "FREEZER_ROLE",
  "outputs": [
   {
    "internalType": "bytes32",
    "name": "",
    "type": "bytes32"
   }
  ],
  "stateMutability": "view",
  "type": "function"
 },
 {
  "inputs": [],
  "name": "ISSUER_ROLE",
  "outputs": [
   {
    "internalType": "bytes32",
    "name": "",
    "type": "bytes32"
   }
  ],
  "stateMutability": "view",
  "type": "function"
 },
 {
  "inputs": [],
  "name": "blockHops",
  "outputs": [
   {
    "internalType": "uint256",
    "name": "",
    "type": "uint256"
   }
  ],
  "stateMutability": "view",
  "type": "function"
 },
 {
  "inputs": [
   {
    "internalType": "uint256",
    "name": "coin",
    "type": "uint256"
   },
   {
    "internalType": "bytes",
    "name": "proof",
    "type": "bytes"
   }
  ],
  "name": "coinInPage",
  "outputs": [
   {
    "components": [
     {
      "internalType": "enum ICoinTypes.State",
      "name": "state",
      "type": "uint8"
     },
     {
      "internalType": "bool",
      "name": "isFrozen",
      "type": "bool"
     },
     {
      "internalType": "uint24",
      "name": "sequence",
      "type": "uint24"
     },
     {
      "internalType": "uint8",
      "name": "hops",
      "type": "uint8"
     },
     {
      "internalType": "uint64",
      "name": "amount",
      "type": "uint64"
     },
     {
      "internalType": "address",
      "name": "owner",
      "type": "address"
     }
    ],
    "internalType": "struct ICoinTypes.Coin",
    "name": "",
    "type": "tuple"
   }
  ],
  "stateMutability": "view",
  "type": "function"
 },
 {
  "inputs": [
   {
    "internalType": "CoinHead",
    "name": "head",
    "type": "bytes32"
   },
   {
    "internalType": "CoinHead",
    "name": "other",
    "type": "bytes32"
   },
   {
    "internalType": "bytes",
    "name": "signature",
    "type": "bytes"
   },
   {
    "internalType": "bytes",
    "name": "proofs",
    "type": "bytes"
   }
  ],
  "name": "combineInPages",
  "outputs": [],
  "stateMutability": "nonpayable",
  "type": "function"
 },
 {
  "inputs": [],
  "name": "eip712Domain",
  "outputs": [
   {
    "internalType": "bytes1",
    "name": "fields",
    "type": "bytes1"
   },
   {
    "internalType": "string",
    "name": "name",
    "type": "string"
   },
   {
    "internalType": "string",
    "name": "version",
    "type": "string"
   },
   {
    "internalType": "uint256",
    "name": "chainId",
    "type": "uint256"
   },
   {
    "internalType": "address",
    "name": "verifyingContract",
    "type": "address"
   },
   {
    "internalType": "bytes32",
    "name": "salt",
    "type": "bytes32"
   },
   {
    "internalType": "uint256[]",
    "name": "extensions",
    "type": "uint256[]"
   }
  ],
  "stateMutability": "view",
  "type": "function"
 },
 {
  "inputs": [
   {
    "internalType": "uint256",
    "name": "page",
    "type": "uint256"
   },
   {
    "internalType": "bytes",
    "name": "items",
    "type": "bytes"
   }
  ],
  "name": "issuePage",
  "outputs": [],
  "stateMutability": "nonpayable",
  "type": "function"
 },
 {
  "inputs": [],
  "name": "maximumAmount",
  "outputs": [
   {
    "internalType": "uint256",
    "name": "",
    "type": "uint256"
   }
  ],
  "stateMutability": "view",
  "type": "function"
 },
 {
  "inputs": [
   {
    "internalType": "uint256",
    "name": "page",
    "type": "uint256"
   },
   {
    "internalType": "address",
    "name": "owner",
    "type": "address"
   },
   {
    "internalType": "address",
    "name": "newOwner",
    "type": "address"
   },
   {
    "internalType": "bytes",
    "name": "signature",
    "type": "bytes"
   },
   {
    "internalType": "bytes",
    "name": "items",
    "type": "bytes"
   }
  ],
  "name": "movePage",
  "outputs": [
   {
    "internalType": "bytes",
    "name": "",
    "type": "bytes"
   }
  ],
  "stateMutability": "nonpayable",
  "type": "function"
 },
 {
  "inputs": [],
  "name": "p256Fallback",
  "outputs": [
   {
    "internalType": "contract P256Fallback",
    "name": "",
    "type": "address"
   }
  ],
  "stateMutability": "view",
  "type": "function"
 },
 {
  "inputs": [
   {
    "internalType": "CoinHead",
    "name": "head",
    "type": "bytes32"
   },
   {
    "internalType": "bytes",
    "name": "signature",
    "type": "bytes"
   },
   {
    "internalType": "bytes",
    "name": "proof",
    "type": "bytes"
   }
  ],
  "name": "redeemFromPage",
  "outputs": [],
  "stateMutability": "nonpayable",
  "type": "function"
 },
 {
  "inputs": [
   {
    "internalType": "uint256",
    "name": "page",
    "type": "uint256"
   }
  ],
  "name": "rootOf",
  "outputs": [
   {
    "internalType": "bytes32",
    "name": "root",
    "type": "bytes32"
   }
  ],
  "stateMutability": "view",
  "type": "function"
 },
 {
  "inputs": [
   {
    "internalType": "uint256",
    "name": "coin",
    "type": "uint256"
   },
   {
    "internalType": "bool",
    "name": "frozen",
    "type": "bool"
   },
   {
    "internalType": "bytes",
    "name": "proof",
    "type": "bytes"
   }
  ],
  "name": "setFrozenInPage",
  "outputs": [],
  "stateMutability": "nonpayable",
  "type": "function"
 },
 {
  "inputs": [
   {
    "internalType": "CoinHead",
    "name": "rest",
    "type": "bytes32"
   },
   {
    "internalType": "CoinHead",
    "name": "part",
    "type": "bytes32"
   },
   {
    "internalType": "uint256",
    "name": "partAmount",
    "type": "uint256"
   },
   {
    "internalType": "bytes",
    "name": "signature",
    "type": "bytes"
   },
   {
    "internalType": "bytes",
    "name": "proofs",
    "type": "bytes"
   }
  ],
  "name": "splitInPages",
  "outputs": [],
  "stateMutability": "nonpayable",
  "type": "function"
 },
 {
  "inputs": [
   {
    "internalType": "uint256",
    "name": "page",
    "type": "uint256"
   },
   {
    "internalType": "bytes",
    "name": "items",
    "type": "bytes"
   }
  ],
  "name": "switchPage",
  "outputs": [
   {
    "internalType": "bytes",
    "name": "",
    "type": "bytes"
   }
  ],
  "stateMutability": "nonpayable",
  "type": "function"
 },
 {
  "inputs": [],
  "name": "token",
  "outputs": [
   {
    "internalType": "contract IERC20",
    "name": "",
    "type": "address"
   }
  ],
  "stateMutability": "view",
  "type": "function"
 },
 {
  "inputs": [],
  "name": "warnHops",
  "outputs": [
   {
    "internalType": "uint256",
    "name": "",
    "type": "uint256"
   }
  ],
  "stateMutability": "view",
  "type": "function"
 }
] as const;
