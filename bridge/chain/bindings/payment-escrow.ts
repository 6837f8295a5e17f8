// Written by scripts/bindings.ts from PaymentEscrow.sol.
export const paymentEscrowAbi = [
 {
  "inputs": [
   {
    "internalType": "address",
    "name": "admin",
    "type": "address"
   },
   {
    "internalType": "address",
    "name": "operator",
    "type": "address"
   },
   {
    "internalType": "address",
    "name": "pauser",
    "type": "address"
   }
  ],
  "stateMutability": "nonpayable",
  "type": "constructor"
 },
 {
  "inputs": [],
  "name": "AccessControlBadConfirmation",
  "type": "error"
 },
 {
  "inputs": [
   {
    "internalType": "uint48",
    "name": "schedule",
    "type": "uint48"
   }
  ],
  "name": "AccessControlEnforcedDefaultAdminDelay",
  "type": "error"
 },
 {
  "inputs": [],
  "name": "AccessControlEnforcedDefaultAdminRules",
  "type": "error"
 },
 {
  "inputs": [
   {
    "internalType": "address",
    "name": "defaultAdmin",
    "type": "address"
   }
  ],
  "name": "AccessControlInvalidDefaultAdmin",
  "type": "error"
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
  "inputs": [
   {
    "internalType": "bytes32",
    "name": "paymentIdentifier",
    "type": "bytes32"
   },
   {
    "internalType": "uint256",
    "name": "refundable",
    "type": "uint256"
   },
   {
    "internalType": "uint256",
    "name": "requested",
    "type": "uint256"
   }
  ],
  "name": "AmountExceedsCaptured",
  "type": "error"
 },
 {
  "inputs": [
   {
    "internalType": "bytes32",
    "name": "paymentIdentifier",
    "type": "bytes32"
   },
   {
    "internalType": "uint256",
    "name": "held",
    "type": "uint256"
   },
   {
    "internalType": "uint256",
    "name": "requested",
    "type": "uint256"
   }
  ],
  "name": "AmountExceedsHold",
  "type": "error"
 },
 {
  "inputs": [
   {
    "internalType": "uint256",
    "name": "maximum",
    "type": "uint256"
   },
   {
    "internalType": "uint256",
    "name": "requested",
    "type": "uint256"
   }
  ],
  "name": "AmountExceedsMaximum",
  "type": "error"
 },
 {
  "inputs": [],
  "name": "AmountZero",
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
  "name": "BalanceUnknown",
  "type": "error"
 },
 {
  "inputs": [
   {
    "internalType": "address",
    "name": "recipient",
    "type": "address"
   },
   {
    "internalType": "uint256",
    "name": "amount",
    "type": "uint256"
   }
  ],
  "name": "CoinTransferFailed",
  "type": "error"
 },
 {
  "inputs": [
   {
    "internalType": "uint48",
    "name": "expiredAt",
    "type": "uint48"
   },
   {
    "internalType": "uint256",
    "name": "now_",
    "type": "uint256"
   }
  ],
  "name": "Expired",
  "type": "error"
 },
 {
  "inputs": [
   {
    "internalType": "uint48",
    "name": "preApproval",
    "type": "uint48"
   },
   {
    "internalType": "uint48",
    "name": "authorization",
    "type": "uint48"
   },
   {
    "internalType": "uint48",
    "name": "refund",
    "type": "uint48"
   }
  ],
  "name": "ExpiriesOutOfOrder",
  "type": "error"
 },
 {
  "inputs": [
   {
    "internalType": "uint16",
    "name": "minimum",
    "type": "uint16"
   },
   {
    "internalType": "uint16",
    "name": "maximum",
    "type": "uint16"
   }
  ],
  "name": "FeeBoundsMalformed",
  "type": "error"
 },
 {
  "inputs": [
   {
    "internalType": "uint256",
    "name": "feeAmount",
    "type": "uint256"
   },
   {
    "internalType": "uint256",
    "name": "minimum",
    "type": "uint256"
   },
   {
    "internalType": "uint256",
    "name": "maximum",
    "type": "uint256"
   }
  ],
  "name": "FeeOutOfBounds",
  "type": "error"
 },
 {
  "inputs": [],
  "name": "FeeReceiverMissing",
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
    "internalType": "uint48",
    "name": "expiresAt",
    "type": "uint48"
   },
   {
    "internalType": "uint256",
    "name": "now_",
    "type": "uint256"
   }
  ],
  "name": "NotExpired",
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
    "internalType": "bytes32",
    "name": "paymentIdentifier",
    "type": "bytes32"
   }
  ],
  "name": "PaymentAlreadyAuthorized",
  "type": "error"
 },
 {
  "inputs": [
   {
    "internalType": "bytes32",
    "name": "paymentIdentifier",
    "type": "bytes32"
   }
  ],
  "name": "PaymentUnknown",
  "type": "error"
 },
 {
  "inputs": [
   {
    "internalType": "uint256",
    "name": "expected",
    "type": "uint256"
   },
   {
    "internalType": "uint256",
    "name": "received",
    "type": "uint256"
   }
  ],
  "name": "ReceivedTooLittle",
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
    "internalType": "uint8",
    "name": "bits",
    "type": "uint8"
   },
   {
    "internalType": "uint256",
    "name": "value",
    "type": "uint256"
   }
  ],
  "name": "SafeCastOverflowedUintDowncast",
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
    "internalType": "address",
    "name": "sender",
    "type": "address"
   }
  ],
  "name": "SenderNotAllowed",
  "type": "error"
 },
 {
  "inputs": [
   {
    "internalType": "bytes32",
    "name": "paymentIdentifier",
    "type": "bytes32"
   },
   {
    "internalType": "uint256",
    "name": "expected",
    "type": "uint256"
   },
   {
    "internalType": "uint256",
    "name": "given",
    "type": "uint256"
   }
  ],
  "name": "SequenceAhead",
  "type": "error"
 },
 {
  "inputs": [
   {
    "internalType": "bytes32",
    "name": "paymentIdentifier",
    "type": "bytes32"
   }
  ],
  "name": "SequenceExhausted",
  "type": "error"
 },
 {
  "inputs": [
   {
    "internalType": "address",
    "name": "signer",
    "type": "address"
   }
  ],
  "name": "SignatureInvalid",
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
  "inputs": [
   {
    "internalType": "address",
    "name": "token",
    "type": "address"
   }
  ],
  "name": "TokenMismatch",
  "type": "error"
 },
 {
  "inputs": [
   {
    "internalType": "uint256",
    "name": "maximum",
    "type": "uint256"
   }
  ],
  "name": "TooManyOperators",
  "type": "error"
 },
 {
  "inputs": [
   {
    "internalType": "uint256",
    "name": "expected",
    "type": "uint256"
   },
   {
    "internalType": "uint256",
    "name": "given",
    "type": "uint256"
   }
  ],
  "name": "ValueMismatch",
  "type": "error"
 },
 {
  "anonymous": false,
  "inputs": [
   {
    "indexed": true,
    "internalType": "bytes32",
    "name": "paymentIdentifier",
    "type": "bytes32"
   },
   {
    "indexed": false,
    "internalType": "uint256",
    "name": "sequence",
    "type": "uint256"
   },
   {
    "indexed": false,
    "internalType": "uint256",
    "name": "amount",
    "type": "uint256"
   }
  ],
  "name": "AuthorizationIncremented",
  "type": "event"
 },
 {
  "anonymous": false,
  "inputs": [
   {
    "indexed": true,
    "internalType": "bytes32",
    "name": "paymentIdentifier",
    "type": "bytes32"
   },
   {
    "indexed": true,
    "internalType": "address",
    "name": "payer",
    "type": "address"
   },
   {
    "indexed": true,
    "internalType": "address",
    "name": "receiver",
    "type": "address"
   },
   {
    "indexed": false,
    "internalType": "address",
    "name": "token",
    "type": "address"
   },
   {
    "indexed": false,
    "internalType": "uint256",
    "name": "amount",
    "type": "uint256"
   }
  ],
  "name": "Authorized",
  "type": "event"
 },
 {
  "anonymous": false,
  "inputs": [
   {
    "indexed": true,
    "internalType": "bytes32",
    "name": "paymentIdentifier",
    "type": "bytes32"
   },
   {
    "indexed": false,
    "internalType": "uint256",
    "name": "sequence",
    "type": "uint256"
   },
   {
    "indexed": false,
    "internalType": "uint256",
    "name": "amount",
    "type": "uint256"
   },
   {
    "indexed": false,
    "internalType": "uint256",
    "name": "feeAmount",
    "type": "uint256"
   }
  ],
  "name": "Captured",
  "type": "event"
 },
 {
  "anonymous": false,
  "inputs": [
   {
    "indexed": true,
    "internalType": "bytes32",
    "name": "paymentIdentifier",
    "type": "bytes32"
   },
   {
    "indexed": true,
    "internalType": "address",
    "name": "payer",
    "type": "address"
   },
   {
    "indexed": true,
    "internalType": "address",
    "name": "receiver",
    "type": "address"
   },
   {
    "indexed": false,
    "internalType": "address",
    "name": "token",
    "type": "address"
   },
   {
    "indexed": false,
    "internalType": "uint256",
    "name": "amount",
    "type": "uint256"
   },
   {
    "indexed": false,
    "internalType": "uint256",
    "name": "feeAmount",
    "type": "uint256"
   }
  ],
  "name": "Charged",
  "type": "event"
 },
 {
  "anonymous": false,
  "inputs": [],
  "name": "DefaultAdminDelayChangeCanceled",
  "type": "event"
 },
 {
  "anonymous": false,
  "inputs": [
   {
    "indexed": false,
    "internalType": "uint48",
    "name": "newDelay",
    "type": "uint48"
   },
   {
    "indexed": false,
    "internalType": "uint48",
    "name": "effectSchedule",
    "type": "uint48"
   }
  ],
  "name": "DefaultAdminDelayChangeScheduled",
  "type": "event"
 },
 {
  "anonymous": false,
  "inputs": [],
  "name": "DefaultAdminTransferCanceled",
  "type": "event"
 },
 {
  "anonymous": false,
  "inputs": [
   {
    "indexed": true,
    "internalType": "address",
    "name": "newAdmin",
    "type": "address"
   },
   {
    "indexed": false,
    "internalType": "uint48",
    "name": "acceptSchedule",
    "type": "uint48"
   }
  ],
  "name": "DefaultAdminTransferScheduled",
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
    "indexed": true,
    "internalType": "address",
    "name": "token",
    "type": "address"
   },
   {
    "indexed": true,
    "internalType": "address",
    "name": "feeReceiver",
    "type": "address"
   },
   {
    "indexed": false,
    "internalType": "uint256",
    "name": "amount",
    "type": "uint256"
   }
  ],
  "name": "FeesSwept",
  "type": "event"
 },
 {
  "anonymous": false,
  "inputs": [
   {
    "indexed": true,
    "internalType": "bytes32",
    "name": "paymentIdentifier",
    "type": "bytes32"
   },
   {
    "indexed": false,
    "internalType": "uint256",
    "name": "sequence",
    "type": "uint256"
   },
   {
    "indexed": false,
    "internalType": "uint256",
    "name": "amount",
    "type": "uint256"
   }
  ],
  "name": "OverCaptured",
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
    "indexed": true,
    "internalType": "bytes32",
    "name": "paymentIdentifier",
    "type": "bytes32"
   },
   {
    "indexed": false,
    "internalType": "uint256",
    "name": "sequence",
    "type": "uint256"
   },
   {
    "indexed": false,
    "internalType": "uint256",
    "name": "amount",
    "type": "uint256"
   }
  ],
  "name": "Reclaimed",
  "type": "event"
 },
 {
  "anonymous": false,
  "inputs": [
   {
    "indexed": true,
    "internalType": "bytes32",
    "name": "paymentIdentifier",
    "type": "bytes32"
   },
   {
    "indexed": false,
    "internalType": "uint256",
    "name": "sequence",
    "type": "uint256"
   },
   {
    "indexed": false,
    "internalType": "uint256",
    "name": "amount",
    "type": "uint256"
   }
  ],
  "name": "Refunded",
  "type": "event"
 },
 {
  "anonymous": false,
  "inputs": [
   {
    "indexed": true,
    "internalType": "bytes32",
    "name": "role",
    "type": "bytes32"
   },
   {
    "indexed": true,
    "internalType": "bytes32",
    "name": "previousAdminRole",
    "type": "bytes32"
   },
   {
    "indexed": true,
    "internalType": "bytes32",
    "name": "newAdminRole",
    "type": "bytes32"
   }
  ],
  "name": "RoleAdminChanged",
  "type": "event"
 },
 {
  "anonymous": false,
  "inputs": [
   {
    "indexed": true,
    "internalType": "bytes32",
    "name": "role",
    "type": "bytes32"
   },
   {
    "indexed": true,
    "internalType": "address",
    "name": "account",
    "type": "address"
   },
   {
    "indexed": true,
    "internalType": "address",
    "name": "sender",
    "type": "address"
   }
  ],
  "name": "RoleGranted",
  "type": "event"
 },
 {
  "anonymous": false,
  "inputs": [
   {
    "indexed": true,
    "internalType": "bytes32",
    "name": "role",
    "type": "bytes32"
   },
   {
    "indexed": true,
    "internalType": "address",
    "name": "account",
    "type": "address"
   },
   {
    "indexed": true,
    "internalType": "address",
    "name": "sender",
    "type": "address"
   }
  ],
  "name": "RoleRevoked",
  "type": "event"
 },
 {
  "anonymous": false,
  "inputs": [
   {
    "indexed": true,
    "internalType": "bytes32",
    "name": "paymentIdentifier",
    "type": "bytes32"
   },
   {
    "indexed": false,
    "internalType": "uint256",
    "name": "sequence",
    "type": "uint256"
   },
   {
    "indexed": false,
    "internalType": "uint256",
    "name": "amount",
    "type": "uint256"
   }
  ],
  "name": "Voided",
  "type": "event"
 },
 {
  "inputs": [],
  "name": "DEFAULT_ADMIN_ROLE",
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
  "name": "OPERATOR_ROLE",
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
  "name": "PAUSER_ROLE",
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
  "name": "acceptDefaultAdminTransfer",
  "outputs": [],
  "stateMutability": "nonpayable",
  "type": "function"
 },
 {
  "inputs": [
   {
    "internalType": "address",
    "name": "feeReceiver",
    "type": "address"
   },
   {
    "internalType": "address",
    "name": "token",
    "type": "address"
   }
  ],
  "name": "accruedFees",
  "outputs": [
   {
    "internalType": "uint256",
    "name": "amount",
    "type": "uint256"
   }
  ],
  "stateMutability": "view",
  "type": "function"
 },
 {
  "inputs": [
   {
    "components": [
     {
      "internalType": "address",
      "name": "payer",
      "type": "address"
     },
     {
      "internalType": "address",
      "name": "receiver",
      "type": "address"
     },
     {
      "internalType": "address",
      "name": "token",
      "type": "address"
     },
     {
      "internalType": "uint120",
      "name": "maximumAmount",
      "type": "uint120"
     },
     {
      "internalType": "uint48",
      "name": "preApprovalExpiry",
      "type": "uint48"
     },
     {
      "internalType": "uint48",
      "name": "authorizationExpiry",
      "type": "uint48"
     },
     {
      "internalType": "uint48",
      "name": "refundExpiry",
      "type": "uint48"
     },
     {
      "internalType": "uint16",
      "name": "minimumFeeBasisPoints",
      "type": "uint16"
     },
     {
      "internalType": "uint16",
      "name": "maximumFeeBasisPoints",
      "type": "uint16"
     },
     {
      "internalType": "address",
      "name": "feeReceiver",
      "type": "address"
     },
     {
      "internalType": "uint256",
      "name": "salt",
      "type": "uint256"
     }
    ],
    "internalType": "struct IPaymentEscrow.PaymentTerms",
    "name": "terms",
    "type": "tuple"
   },
   {
    "internalType": "uint256",
    "name": "amount",
    "type": "uint256"
   },
   {
    "internalType": "bytes",
    "name": "signature",
    "type": "bytes"
   }
  ],
  "name": "authorize",
  "outputs": [],
  "stateMutability": "nonpayable",
  "type": "function"
 },
 {
  "inputs": [
   {
    "components": [
     {
      "internalType": "address",
      "name": "payer",
      "type": "address"
     },
     {
      "internalType": "address",
      "name": "receiver",
      "type": "address"
     },
     {
      "internalType": "address",
      "name": "token",
      "type": "address"
     },
     {
      "internalType": "uint120",
      "name": "maximumAmount",
      "type": "uint120"
     },
     {
      "internalType": "uint48",
      "name": "preApprovalExpiry",
      "type": "uint48"
     },
     {
      "internalType": "uint48",
      "name": "authorizationExpiry",
      "type": "uint48"
     },
     {
      "internalType": "uint48",
      "name": "refundExpiry",
      "type": "uint48"
     },
     {
      "internalType": "uint16",
      "name": "minimumFeeBasisPoints",
      "type": "uint16"
     },
     {
      "internalType": "uint16",
      "name": "maximumFeeBasisPoints",
      "type": "uint16"
     },
     {
      "internalType": "address",
      "name": "feeReceiver",
      "type": "address"
     },
     {
      "internalType": "uint256",
      "name": "salt",
      "type": "uint256"
     }
    ],
    "internalType": "struct IPaymentEscrow.PaymentTerms",
    "name": "terms",
    "type": "tuple"
   },
   {
    "internalType": "uint256",
    "name": "amount",
    "type": "uint256"
   },
   {
    "internalType": "uint8",
    "name": "v",
    "type": "uint8"
   },
   {
    "internalType": "bytes32",
    "name": "r",
    "type": "bytes32"
   },
   {
    "internalType": "bytes32",
    "name": "s",
    "type": "bytes32"
   }
  ],
  "name": "authorize",
  "outputs": [],
  "stateMutability": "nonpayable",
  "type": "function"
 },
 {
  "inputs": [
   {
    "components": [
     {
      "internalType": "address",
      "name": "payer",
      "type": "address"
     },
     {
      "internalType": "address",
      "name": "receiver",
      "type": "address"
     },
     {
      "internalType": "address",
      "name": "token",
      "type": "address"
     },
     {
      "internalType": "uint120",
      "name": "maximumAmount",
      "type": "uint120"
     },
     {
      "internalType": "uint48",
      "name": "preApprovalExpiry",
      "type": "uint48"
     },
     {
      "internalType": "uint48",
      "name": "authorizationExpiry",
      "type": "uint48"
     },
     {
      "internalType": "uint48",
      "name": "refundExpiry",
      "type": "uint48"
     },
     {
      "internalType": "uint16",
      "name": "minimumFeeBasisPoints",
      "type": "uint16"
     },
     {
      "internalType": "uint16",
      "name": "maximumFeeBasisPoints",
      "type": "uint16"
     },
     {
      "internalType": "address",
      "name": "feeReceiver",
      "type": "address"
     },
     {
      "internalType": "uint256",
      "name": "salt",
      "type": "uint256"
     }
    ],
    "internalType": "struct IPaymentEscrow.PaymentTerms",
    "name": "terms",
    "type": "tuple"
   }
  ],
  "name": "authorizeNative",
  "outputs": [],
  "stateMutability": "payable",
  "type": "function"
 },
 {
  "inputs": [
   {
    "components": [
     {
      "internalType": "address",
      "name": "payer",
      "type": "address"
     },
     {
      "internalType": "address",
      "name": "receiver",
      "type": "address"
     },
     {
      "internalType": "address",
      "name": "token",
      "type": "address"
     },
     {
      "internalType": "uint120",
      "name": "maximumAmount",
      "type": "uint120"
     },
     {
      "internalType": "uint48",
      "name": "preApprovalExpiry",
      "type": "uint48"
     },
     {
      "internalType": "uint48",
      "name": "authorizationExpiry",
      "type": "uint48"
     },
     {
      "internalType": "uint48",
      "name": "refundExpiry",
      "type": "uint48"
     },
     {
      "internalType": "uint16",
      "name": "minimumFeeBasisPoints",
      "type": "uint16"
     },
     {
      "internalType": "uint16",
      "name": "maximumFeeBasisPoints",
      "type": "uint16"
     },
     {
      "internalType": "address",
      "name": "feeReceiver",
      "type": "address"
     },
     {
      "internalType": "uint256",
      "name": "salt",
      "type": "uint256"
     }
    ],
    "internalType": "struct IPaymentEscrow.PaymentTerms",
    "name": "terms",
    "type": "tuple"
   },
   {
    "internalType": "uint256",
    "name": "amount",
    "type": "uint256"
   }
  ],
  "name": "authorizeWithAllowance",
  "outputs": [],
  "stateMutability": "nonpayable",
  "type": "function"
 },
 {
  "inputs": [
   {
    "components": [
     {
      "internalType": "address",
      "name": "payer",
      "type": "address"
     },
     {
      "internalType": "address",
      "name": "receiver",
      "type": "address"
     },
     {
      "internalType": "address",
      "name": "token",
      "type": "address"
     },
     {
      "internalType": "uint120",
      "name": "maximumAmount",
      "type": "uint120"
     },
     {
      "internalType": "uint48",
      "name": "preApprovalExpiry",
      "type": "uint48"
     },
     {
      "internalType": "uint48",
      "name": "authorizationExpiry",
      "type": "uint48"
     },
     {
      "internalType": "uint48",
      "name": "refundExpiry",
      "type": "uint48"
     },
     {
      "internalType": "uint16",
      "name": "minimumFeeBasisPoints",
      "type": "uint16"
     },
     {
      "internalType": "uint16",
      "name": "maximumFeeBasisPoints",
      "type": "uint16"
     },
     {
      "internalType": "address",
      "name": "feeReceiver",
      "type": "address"
     },
     {
      "internalType": "uint256",
      "name": "salt",
      "type": "uint256"
     }
    ],
    "internalType": "struct IPaymentEscrow.PaymentTerms",
    "name": "terms",
    "type": "tuple"
   },
   {
    "internalType": "uint256",
    "name": "amount",
    "type": "uint256"
   },
   {
    "internalType": "bytes",
    "name": "signature",
    "type": "bytes"
   }
  ],
  "name": "authorizeWithAllowance",
  "outputs": [],
  "stateMutability": "nonpayable",
  "type": "function"
 },
 {
  "inputs": [
   {
    "internalType": "address",
    "name": "newAdmin",
    "type": "address"
   }
  ],
  "name": "beginDefaultAdminTransfer",
  "outputs": [],
  "stateMutability": "nonpayable",
  "type": "function"
 },
 {
  "inputs": [],
  "name": "cancelDefaultAdminTransfer",
  "outputs": [],
  "stateMutability": "nonpayable",
  "type": "function"
 },
 {
  "inputs": [
   {
    "components": [
     {
      "internalType": "address",
      "name": "payer",
      "type": "address"
     },
     {
      "internalType": "address",
      "name": "receiver",
      "type": "address"
     },
     {
      "internalType": "address",
      "name": "token",
      "type": "address"
     },
     {
      "internalType": "uint120",
      "name": "maximumAmount",
      "type": "uint120"
     },
     {
      "internalType": "uint48",
      "name": "preApprovalExpiry",
      "type": "uint48"
     },
     {
      "internalType": "uint48",
      "name": "authorizationExpiry",
      "type": "uint48"
     },
     {
      "internalType": "uint48",
      "name": "refundExpiry",
      "type": "uint48"
     },
     {
      "internalType": "uint16",
      "name": "minimumFeeBasisPoints",
      "type": "uint16"
     },
     {
      "internalType": "uint16",
      "name": "maximumFeeBasisPoints",
      "type": "uint16"
     },
     {
      "internalType": "address",
      "name": "feeReceiver",
      "type": "address"
     },
     {
      "internalType": "uint256",
      "name": "salt",
      "type": "uint256"
     }
    ],
    "internalType": "struct IPaymentEscrow.PaymentTerms",
    "name": "terms",
    "type": "tuple"
   },
   {
    "internalType": "uint256",
    "name": "amount",
    "type": "uint256"
   },
   {
    "internalType": "uint256",
    "name": "feeAmount",
    "type": "uint256"
   },
   {
    "internalType": "uint256",
    "name": "sequence",
    "type": "uint256"
   }
  ],
  "name": "capture",
  "outputs": [],
  "stateMutability": "nonpayable",
  "type": "function"
 },
 {
  "inputs": [
   {
    "internalType": "uint48",
    "name": "newDelay",
    "type": "uint48"
   }
  ],
  "name": "changeDefaultAdminDelay",
  "outputs": [],
  "stateMutability": "nonpayable",
  "type": "function"
 },
 {
  "inputs": [
   {
    "components": [
     {
      "internalType": "address",
      "name": "payer",
      "type": "address"
     },
     {
      "internalType": "address",
      "name": "receiver",
      "type": "address"
     },
     {
      "internalType": "address",
      "name": "token",
      "type": "address"
     },
     {
      "internalType": "uint120",
      "name": "maximumAmount",
      "type": "uint120"
     },
     {
      "internalType": "uint48",
      "name": "preApprovalExpiry",
      "type": "uint48"
     },
     {
      "internalType": "uint48",
      "name": "authorizationExpiry",
      "type": "uint48"
     },
     {
      "internalType": "uint48",
      "name": "refundExpiry",
      "type": "uint48"
     },
     {
      "internalType": "uint16",
      "name": "minimumFeeBasisPoints",
      "type": "uint16"
     },
     {
      "internalType": "uint16",
      "name": "maximumFeeBasisPoints",
      "type": "uint16"
     },
     {
      "internalType": "address",
      "name": "feeReceiver",
      "type": "address"
     },
     {
      "internalType": "uint256",
      "name": "salt",
      "type": "uint256"
     }
    ],
    "internalType": "struct IPaymentEscrow.PaymentTerms",
    "name": "terms",
    "type": "tuple"
   },
   {
    "internalType": "uint256",
    "name": "amount",
    "type": "uint256"
   },
   {
    "internalType": "uint256",
    "name": "feeAmount",
    "type": "uint256"
   },
   {
    "internalType": "uint8",
    "name": "v",
    "type": "uint8"
   },
   {
    "internalType": "bytes32",
    "name": "r",
    "type": "bytes32"
   },
   {
    "internalType": "bytes32",
    "name": "s",
    "type": "bytes32"
   }
  ],
  "name": "charge",
  "outputs": [],
  "stateMutability": "nonpayable",
  "type": "function"
 },
 {
  "inputs": [
   {
    "components": [
     {
      "internalType": "address",
      "name": "payer",
      "type": "address"
     },
     {
      "internalType": "address",
      "name": "receiver",
      "type": "address"
     },
     {
      "internalType": "address",
      "name": "token",
      "type": "address"
     },
     {
      "internalType": "uint120",
      "name": "maximumAmount",
      "type": "uint120"
     },
     {
      "internalType": "uint48",
      "name": "preApprovalExpiry",
      "type": "uint48"
     },
     {
      "internalType": "uint48",
      "name": "authorizationExpiry",
      "type": "uint48"
     },
     {
      "internalType": "uint48",
      "name": "refundExpiry",
      "type": "uint48"
     },
     {
      "internalType": "uint16",
      "name": "minimumFeeBasisPoints",
      "type": "uint16"
     },
     {
      "internalType": "uint16",
      "name": "maximumFeeBasisPoints",
      "type": "uint16"
     },
     {
      "internalType": "address",
      "name": "feeReceiver",
      "type": "address"
     },
     {
      "internalType": "uint256",
      "name": "salt",
      "type": "uint256"
     }
    ],
    "internalType": "struct IPaymentEscrow.PaymentTerms",
    "name": "terms",
    "type": "tuple"
   },
   {
    "internalType": "uint256",
    "name": "amount",
    "type": "uint256"
   },
   {
    "internalType": "uint256",
    "name": "feeAmount",
    "type": "uint256"
   },
   {
    "internalType": "bytes",
    "name": "signature",
    "type": "bytes"
   }
  ],
  "name": "charge",
  "outputs": [],
  "stateMutability": "nonpayable",
  "type": "function"
 },
 {
  "inputs": [
   {
    "components": [
     {
      "internalType": "address",
      "name": "payer",
      "type": "address"
     },
     {
      "internalType": "address",
      "name": "receiver",
      "type": "address"
     },
     {
      "internalType": "address",
      "name": "token",
      "type": "address"
     },
     {
      "internalType": "uint120",
      "name": "maximumAmount",
      "type": "uint120"
     },
     {
      "internalType": "uint48",
      "name": "preApprovalExpiry",
      "type": "uint48"
     },
     {
      "internalType": "uint48",
      "name": "authorizationExpiry",
      "type": "uint48"
     },
     {
      "internalType": "uint48",
      "name": "refundExpiry",
      "type": "uint48"
     },
     {
      "internalType": "uint16",
      "name": "minimumFeeBasisPoints",
      "type": "uint16"
     },
     {
      "internalType": "uint16",
      "name": "maximumFeeBasisPoints",
      "type": "uint16"
     },
     {
      "internalType": "address",
      "name": "feeReceiver",
      "type": "address"
     },
     {
      "internalType": "uint256",
      "name": "salt",
      "type": "uint256"
     }
    ],
    "internalType": "struct IPaymentEscrow.PaymentTerms",
    "name": "terms",
    "type": "tuple"
   },
   {
    "internalType": "uint256",
    "name": "amount",
    "type": "uint256"
   },
   {
    "internalType": "uint256",
    "name": "feeAmount",
    "type": "uint256"
   },
   {
    "internalType": "bytes",
    "name": "signature",
    "type": "bytes"
   }
  ],
  "name": "chargeWithAllowance",
  "outputs": [],
  "stateMutability": "nonpayable",
  "type": "function"
 },
 {
  "inputs": [],
  "name": "defaultAdmin",
  "outputs": [
   {
    "internalType": "address",
    "name": "",
    "type": "address"
   }
  ],
  "stateMutability": "view",
  "type": "function"
 },
 {
  "inputs": [],
  "name": "defaultAdminDelay",
  "outputs": [
   {
    "internalType": "uint48",
    "name": "",
    "type": "uint48"
   }
  ],
  "stateMutability": "view",
  "type": "function"
 },
 {
  "inputs": [],
  "name": "defaultAdminDelayIncreaseWait",
  "outputs": [
   {
    "internalType": "uint48",
    "name": "",
    "type": "uint48"
   }
  ],
  "stateMutability": "view",
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
    "internalType": "bytes32",
    "name": "role",
    "type": "bytes32"
   }
  ],
  "name": "getRoleAdmin",
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
  "inputs": [
   {
    "internalType": "bytes32",
    "name": "role",
    "type": "bytes32"
   },
   {
    "internalType": "address",
    "name": "account",
    "type": "address"
   }
  ],
  "name": "grantRole",
  "outputs": [],
  "stateMutability": "nonpayable",
  "type": "function"
 },
 {
  "inputs": [
   {
    "internalType": "bytes32",
    "name": "role",
    "type": "bytes32"
   },
   {
    "internalType": "address",
    "name": "account",
    "type": "address"
   }
  ],
  "name": "hasRole",
  "outputs": [
   {
    "internalType": "bool",
    "name": "",
    "type": "bool"
   }
  ],
  "stateMutability": "view",
  "type": "function"
 },
 {
  "inputs": [
   {
    "components": [
     {
      "internalType": "address",
      "name": "payer",
      "type": "address"
     },
     {
      "internalType": "address",
      "name": "receiver",
      "type": "address"
     },
     {
      "internalType": "address",
      "name": "token",
      "type": "address"
     },
     {
      "internalType": "uint120",
      "name": "maximumAmount",
      "type": "uint120"
     },
     {
      "internalType": "uint48",
      "name": "preApprovalExpiry",
      "type": "uint48"
     },
     {
      "internalType": "uint48",
      "name": "authorizationExpiry",
      "type": "uint48"
     },
     {
      "internalType": "uint48",
      "name": "refundExpiry",
      "type": "uint48"
     },
     {
      "internalType": "uint16",
      "name": "minimumFeeBasisPoints",
      "type": "uint16"
     },
     {
      "internalType": "uint16",
      "name": "maximumFeeBasisPoints",
      "type": "uint16"
     },
     {
      "internalType": "address",
      "name": "feeReceiver",
      "type": "address"
     },
     {
      "internalType": "uint256",
      "name": "salt",
      "type": "uint256"
     }
    ],
    "internalType": "struct IPaymentEscrow.PaymentTerms",
    "name": "terms",
    "type": "tuple"
   }
  ],
  "name": "hashTerms",
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
  "inputs": [
   {
    "internalType": "bytes32",
    "name": "paymentIdentifier",
    "type": "bytes32"
   }
  ],
  "name": "headroomOf",
  "outputs": [
   {
    "components": [
     {
      "internalType": "uint120",
      "name": "remaining",
      "type": "uint120"
     },
     {
      "internalType": "uint16",
      "name": "increments",
      "type": "uint16"
     }
    ],
    "internalType": "struct IPaymentEscrow.Headroom",
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
    "components": [
     {
      "internalType": "address",
      "name": "payer",
      "type": "address"
     },
     {
      "internalType": "address",
      "name": "receiver",
      "type": "address"
     },
     {
      "internalType": "address",
      "name": "token",
      "type": "address"
     },
     {
      "internalType": "uint120",
      "name": "maximumAmount",
      "type": "uint120"
     },
     {
      "internalType": "uint48",
      "name": "preApprovalExpiry",
      "type": "uint48"
     },
     {
      "internalType": "uint48",
      "name": "authorizationExpiry",
      "type": "uint48"
     },
     {
      "internalType": "uint48",
      "name": "refundExpiry",
      "type": "uint48"
     },
     {
      "internalType": "uint16",
      "name": "minimumFeeBasisPoints",
      "type": "uint16"
     },
     {
      "internalType": "uint16",
      "name": "maximumFeeBasisPoints",
      "type": "uint16"
     },
     {
      "internalType": "address",
      "name": "feeReceiver",
      "type": "address"
     },
     {
      "internalType": "uint256",
      "name": "salt",
      "type": "uint256"
     }
    ],
    "internalType": "struct IPaymentEscrow.PaymentTerms",
    "name": "terms",
    "type": "tuple"
   },
   {
    "internalType": "uint256",
    "name": "amount",
    "type": "uint256"
   },
   {
    "internalType": "uint256",
    "name": "sequence",
    "type": "uint256"
   }
  ],
  "name": "incrementAuthorization",
  "outputs": [],
  "stateMutability": "payable",
  "type": "function"
 },
 {
  "inputs": [
   {
    "components": [
     {
      "internalType": "address",
      "name": "payer",
      "type": "address"
     },
     {
      "internalType": "address",
      "name": "receiver",
      "type": "address"
     },
     {
      "internalType": "address",
      "name": "token",
      "type": "address"
     },
     {
      "internalType": "uint120",
      "name": "maximumAmount",
      "type": "uint120"
     },
     {
      "internalType": "uint48",
      "name": "preApprovalExpiry",
      "type": "uint48"
     },
     {
      "internalType": "uint48",
      "name": "authorizationExpiry",
      "type": "uint48"
     },
     {
      "internalType": "uint48",
      "name": "refundExpiry",
      "type": "uint48"
     },
     {
      "internalType": "uint16",
      "name": "minimumFeeBasisPoints",
      "type": "uint16"
     },
     {
      "internalType": "uint16",
      "name": "maximumFeeBasisPoints",
      "type": "uint16"
     },
     {
      "internalType": "address",
      "name": "feeReceiver",
      "type": "address"
     },
     {
      "internalType": "uint256",
      "name": "salt",
      "type": "uint256"
     }
    ],
    "internalType": "struct IPaymentEscrow.PaymentTerms",
    "name": "terms",
    "type": "tuple"
   },
   {
    "internalType": "uint256",
    "name": "amount",
    "type": "uint256"
   },
   {
    "internalType": "uint256",
    "name": "sequence",
    "type": "uint256"
   },
   {
    "internalType": "bytes",
    "name": "signature",
    "type": "bytes"
   }
  ],
  "name": "incrementAuthorization",
  "outputs": [],
  "stateMutability": "nonpayable",
  "type": "function"
 },
 {
  "inputs": [
   {
    "internalType": "bytes32",
    "name": "paymentIdentifier",
    "type": "bytes32"
   }
  ],
  "name": "nonceOf",
  "outputs": [
   {
    "internalType": "bytes32",
    "name": "",
    "type": "bytes32"
   }
  ],
  "stateMutability": "pure",
  "type": "function"
 },
 {
  "inputs": [],
  "name": "owner",
  "outputs": [
   {
    "internalType": "address",
    "name": "",
    "type": "address"
   }
  ],
  "stateMutability": "view",
  "type": "function"
 },
 {
  "inputs": [],
  "name": "paused",
  "outputs": [
   {
    "internalType": "bool",
    "name": "",
    "type": "bool"
   }
  ],
  "stateMutability": "view",
  "type": "function"
 },
 {
  "inputs": [
   {
    "internalType": "bytes32",
    "name": "paymentIdentifier",
    "type": "bytes32"
   }
  ],
  "name": "payments",
  "outputs": [
   {
    "components": [
     {
      "internalType": "uint120",
      "name": "capturable",
      "type": "uint120"
     },
     {
      "internalType": "uint120",
      "name": "refundable",
      "type": "uint120"
     },
     {
      "internalType": "uint16",
      "name": "nextSequence",
      "type": "uint16"
     }
    ],
    "internalType": "struct IPaymentEscrow.PaymentState",
    "name": "",
    "type": "tuple"
   }
  ],
  "stateMutability": "view",
  "type": "function"
 },
 {
  "inputs": [],
  "name": "pendingDefaultAdmin",
  "outputs": [
   {
    "internalType": "address",
    "name": "newAdmin",
    "type": "address"
   },
   {
    "internalType": "uint48",
    "name": "schedule",
    "type": "uint48"
   }
  ],
  "stateMutability": "view",
  "type": "function"
 },
 {
  "inputs": [],
  "name": "pendingDefaultAdminDelay",
  "outputs": [
   {
    "internalType": "uint48",
    "name": "newDelay",
    "type": "uint48"
   },
   {
    "internalType": "uint48",
    "name": "schedule",
    "type": "uint48"
   }
  ],
  "stateMutability": "view",
  "type": "function"
 },
 {
  "inputs": [
   {
    "components": [
     {
      "internalType": "address",
      "name": "payer",
      "type": "address"
     },
     {
      "internalType": "address",
      "name": "receiver",
      "type": "address"
     },
     {
      "internalType": "address",
      "name": "token",
      "type": "address"
     },
     {
      "internalType": "uint120",
      "name": "maximumAmount",
      "type": "uint120"
     },
     {
      "internalType": "uint48",
      "name": "preApprovalExpiry",
      "type": "uint48"
     },
     {
      "internalType": "uint48",
      "name": "authorizationExpiry",
      "type": "uint48"
     },
     {
      "internalType": "uint48",
      "name": "refundExpiry",
      "type": "uint48"
     },
     {
      "internalType": "uint16",
      "name": "minimumFeeBasisPoints",
      "type": "uint16"
     },
     {
      "internalType": "uint16",
      "name": "maximumFeeBasisPoints",
      "type": "uint16"
     },
     {
      "internalType": "address",
      "name": "feeReceiver",
      "type": "address"
     },
     {
      "internalType": "uint256",
      "name": "salt",
      "type": "uint256"
     }
    ],
    "internalType": "struct IPaymentEscrow.PaymentTerms",
    "name": "terms",
    "type": "tuple"
   }
  ],
  "name": "reclaim",
  "outputs": [],
  "stateMutability": "nonpayable",
  "type": "function"
 },
 {
  "inputs": [
   {
    "components": [
     {
      "internalType": "address",
      "name": "payer",
      "type": "address"
     },
     {
      "internalType": "address",
      "name": "receiver",
      "type": "address"
     },
     {
      "internalType": "address",
      "name": "token",
      "type": "address"
     },
     {
      "internalType": "uint120",
      "name": "maximumAmount",
      "type": "uint120"
     },
     {
      "internalType": "uint48",
      "name": "preApprovalExpiry",
      "type": "uint48"
     },
     {
      "internalType": "uint48",
      "name": "authorizationExpiry",
      "type": "uint48"
     },
     {
      "internalType": "uint48",
      "name": "refundExpiry",
      "type": "uint48"
     },
     {
      "internalType": "uint16",
      "name": "minimumFeeBasisPoints",
      "type": "uint16"
     },
     {
      "internalType": "uint16",
      "name": "maximumFeeBasisPoints",
      "type": "uint16"
     },
     {
      "internalType": "address",
      "name": "feeReceiver",
      "type": "address"
     },
     {
      "internalType": "uint256",
      "name": "salt",
      "type": "uint256"
     }
    ],
    "internalType": "struct IPaymentEscrow.PaymentTerms",
    "name": "terms",
    "type": "tuple"
   },
   {
    "internalType": "uint256",
    "name": "amount",
    "type": "uint256"
   },
   {
    "internalType": "uint256",
    "name": "sequence",
    "type": "uint256"
   }
  ],
  "name": "refund",
  "outputs": [],
  "stateMutability": "payable",
  "type": "function"
 },
 {
  "inputs": [
   {
    "internalType": "bytes32",
    "name": "role",
    "type": "bytes32"
   },
   {
    "internalType": "address",
    "name": "account",
    "type": "address"
   }
  ],
  "name": "renounceRole",
  "outputs": [],
  "stateMutability": "nonpayable",
  "type": "function"
 },
 {
  "inputs": [
   {
    "internalType": "bytes32",
    "name": "role",
    "type": "bytes32"
   },
   {
    "internalType": "address",
    "name": "account",
    "type": "address"
   }
  ],
  "name": "revokeRole",
  "outputs": [],
  "stateMutability": "nonpayable",
  "type": "function"
 },
 {
  "inputs": [],
  "name": "rollbackDefaultAdminDelay",
  "outputs": [],
  "stateMutability": "nonpayable",
  "type": "function"
 },
 {
  "inputs": [
   {
    "internalType": "bool",
    "name": "paused_",
    "type": "bool"
   }
  ],
  "name": "setPaused",
  "outputs": [],
  "stateMutability": "nonpayable",
  "type": "function"
 },
 {
  "inputs": [
   {
    "internalType": "bytes4",
    "name": "interfaceId",
    "type": "bytes4"
   }
  ],
  "name": "supportsInterface",
  "outputs": [
   {
    "internalType": "bool",
    "name": "",
    "type": "bool"
   }
  ],
  "stateMutability": "view",
  "type": "function"
 },
 {
  "inputs": [
   {
    "internalType": "address",
    "name": "token",
    "type": "address"
   },
   {
    "internalType": "address",
    "name": "feeReceiver",
    "type": "address"
   }
  ],
  "name": "sweepFees",
  "outputs": [],
  "stateMutability": "nonpayable",
  "type": "function"
 },
 {
  "inputs": [
   {
    "components": [
     {
      "internalType": "address",
      "name": "payer",
      "type": "address"
     },
     {
      "internalType": "address",
      "name": "receiver",
      "type": "address"
     },
     {
      "internalType": "address",
      "name": "token",
      "type": "address"
     },
     {
      "internalType": "uint120",
      "name": "maximumAmount",
      "type": "uint120"
     },
     {
      "internalType": "uint48",
      "name": "preApprovalExpiry",
      "type": "uint48"
     },
     {
      "internalType": "uint48",
      "name": "authorizationExpiry",
      "type": "uint48"
     },
     {
      "internalType": "uint48",
      "name": "refundExpiry",
      "type": "uint48"
     },
     {
      "internalType": "uint16",
      "name": "minimumFeeBasisPoints",
      "type": "uint16"
     },
     {
      "internalType": "uint16",
      "name": "maximumFeeBasisPoints",
      "type": "uint16"
     },
     {
      "internalType": "address",
      "name": "feeReceiver",
      "type": "address"
     },
     {
      "internalType": "uint256",
      "name": "salt",
      "type": "uint256"
     }
    ],
    "internalType": "struct IPaymentEscrow.PaymentTerms",
    "name": "terms",
    "type": "tuple"
   }
  ],
  "name": "termsDigest",
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
  "inputs": [
   {
    "components": [
     {
      "internalType": "address",
      "name": "payer",
      "type": "address"
     },
     {
      "internalType": "address",
      "name": "receiver",
      "type": "address"
     },
     {
      "internalType": "address",
      "name": "token",
      "type": "address"
     },
     {
      "internalType": "uint120",
      "name": "maximumAmount",
      "type": "uint120"
     },
     {
      "internalType": "uint48",
      "name": "preApprovalExpiry",
      "type": "uint48"
     },
     {
      "internalType": "uint48",
      "name": "authorizationExpiry",
      "type": "uint48"
     },
     {
      "internalType": "uint48",
      "name": "refundExpiry",
      "type": "uint48"
     },
     {
      "internalType": "uint16",
      "name": "minimumFeeBasisPoints",
      "type": "uint16"
     },
     {
      "internalType": "uint16",
      "name": "maximumFeeBasisPoints",
      "type": "uint16"
     },
     {
      "internalType": "address",
      "name": "feeReceiver",
      "type": "address"
     },
     {
      "internalType": "uint256",
      "name": "salt",
      "type": "uint256"
     }
    ],
    "internalType": "struct IPaymentEscrow.PaymentTerms",
    "name": "terms",
    "type": "tuple"
   },
   {
    "internalType": "uint256",
    "name": "sequence",
    "type": "uint256"
   }
  ],
  "name": "void",
  "outputs": [],
  "stateMutability": "nonpayable",
  "type": "function"
 },
 {
  "inputs": [],
  "name": "walletDeployer",
  "outputs": [
   {
    "internalType": "contract IWalletDeployer",
    "name": "",
    "type": "address"
   }
  ],
  "stateMutability": "view",
  "type": "function"
 }
] as const;
