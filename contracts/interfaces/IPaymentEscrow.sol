// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Holds payers' money between authorization and capture.
/// @notice Nothing in it pays anyone but the receiver of a payment's terms, their fee receiver, or the payer.
interface IPaymentEscrow {
    /// @param payer Whose money it is. @param receiver Who is paid by a capture. @param token Zero is the chain's own coin.
    /// @param maximumAmount Token units that the payer agreed to. @param preApprovalExpiry Last second, exclusive, to
    /// authorize. @param authorizationExpiry Last second, exclusive, to capture; from it on the payer may reclaim.
    /// @param refundExpiry Last second, exclusive, to refund. @param minimumFeeBasisPoints @param maximumFeeBasisPoints
    /// Bounds of what a capture may send to `feeReceiver`. @param salt Tells otherwise equal terms apart.
    struct PaymentTerms {
        address payer;
        address receiver;
        address token;
        uint120 maximumAmount;
        uint48 preApprovalExpiry;
        uint48 authorizationExpiry;
        uint48 refundExpiry;
        uint16 minimumFeeBasisPoints;
        uint16 maximumFeeBasisPoints;
        address feeReceiver;
        uint256 salt;
    }

    /// @notice What the terms still allow above what has been authorized, and how often it was used.
    struct Headroom {
        uint120 remaining;
        uint16 increments;
    }

    /// @notice One storage word. `nextSequence` is zero until the payment is authorized.
    struct PaymentState {
        uint120 capturable;
        uint120 refundable;
        uint16 nextSequence;
    }

    event Authorized(
        bytes32 indexed paymentIdentifier,
        address indexed payer,
        address indexed receiver,
        address token,
        uint256 amount
    );
    event Charged(
        bytes32 indexed paymentIdentifier,
        address indexed payer,
        address indexed receiver,
        address token,
        uint256 amount,
        uint256 feeAmount
    );
    /// @notice More is held: `amount` on top of what was authorized before.
    event AuthorizationIncremented(bytes32 indexed paymentIdentifier, uint256 sequence, uint256 amount);
    /// @notice A capture went above what was held; `amount` came by the payer's allowance. `Captured` follows.
    event OverCaptured(bytes32 indexed paymentIdentifier, uint256 sequence, uint256 amount);
    event Captured(bytes32 indexed paymentIdentifier, uint256 sequence, uint256 amount, uint256 feeAmount);
    event Voided(bytes32 indexed paymentIdentifier, uint256 sequence, uint256 amount);
    event Reclaimed(bytes32 indexed paymentIdentifier, uint256 sequence, uint256 amount);
    event Refunded(bytes32 indexed paymentIdentifier, uint256 sequence, uint256 amount);
    event FeesSwept(address indexed token, address indexed feeReceiver, uint256 amount);
    event PauseChanged(bool paused);

    error Paused();
    error AmountZero();
    error AmountExceedsMaximum(uint256 maximum, uint256 requested);
    error AmountExceedsHold(bytes32 paymentIdentifier, uint256 held, uint256 requested);
    error AmountExceedsCaptured(bytes32 paymentIdentifier, uint256 refundable, uint256 requested);
    error ExpiriesOutOfOrder(uint48 preApproval, uint48 authorization, uint48 refund);
    error Expired(uint48 expiredAt, uint256 now_);
    error NotExpired(uint48 expiresAt, uint256 now_);
    error FeeOutOfBounds(uint256 feeAmount, uint256 minimum, uint256 maximum);
    error FeeReceiverMissing();
    error FeeBoundsMalformed(uint16 minimum, uint16 maximum);
    error PaymentAlreadyAuthorized(bytes32 paymentIdentifier);
    error PaymentUnknown(bytes32 paymentIdentifier);
    /// @notice An earlier movement of this payment is missing.
    error SequenceAhead(bytes32 paymentIdentifier, uint256 expected, uint256 given);
    /// @notice The payment has used up its numbers; what is held can still be voided and reclaimed.
    error SequenceExhausted(bytes32 paymentIdentifier);
    error TooManyOperators(uint256 maximum);
    error SignatureInvalid(address signer);
    error SenderNotAllowed(address sender);
    error TokenMismatch(address token);
    error ValueMismatch(uint256 expected, uint256 given);
    /// @notice The token took a part on the way, so the escrow would owe more than it holds.
    error ReceivedTooLittle(uint256 expected, uint256 received);
    error CoinTransferFailed(address recipient, uint256 amount);

    /// @notice The identifier of a payment: a hash over chain, this contract and every term.
    function hashTerms(PaymentTerms calldata terms) external view returns (bytes32);

    /// @notice The ERC-3009 nonce of a payment: its identifier with the low 64 bits cleared, which tokens with keyed
    /// nonces read as a sequence within the key.
    function nonceOf(bytes32 paymentIdentifier) external pure returns (bytes32);

    function payments(bytes32 paymentIdentifier) external view returns (PaymentState memory);

    /// @notice What a payment may still grow by, up to its terms' maximum. Charges never grow.
    function headroomOf(bytes32 paymentIdentifier) external view returns (Headroom memory);

    /// @notice The EIP-712 digest that a payer signs for `authorizeWithAllowance` and `chargeWithAllowance`: the domain
    /// «Specie PaymentEscrow», version 1, over all terms with the chain and this contract.
    function termsDigest(PaymentTerms calldata terms) external view returns (bytes32);

    /// @notice Takes `terms.maximumAmount` by the payer's ERC-3009 signature, keeps `amount` and returns the rest.
    function authorize(PaymentTerms calldata terms, uint256 amount, uint8 v, bytes32 r, bytes32 s) external;

    /// @notice The same with a signature of any form the token knows, for wallets that are contracts. One wrapped by
    /// ERC-6492 deploys its wallet first.
    function authorize(PaymentTerms calldata terms, uint256 amount, bytes calldata signature) external;

    /// @notice Holds the chain's own coin; only the payer can send it.
    function authorizeNative(PaymentTerms calldata terms) external payable;

    /// @notice Takes `amount` by an allowance; only the payer can ask for it.
    function authorizeWithAllowance(PaymentTerms calldata terms, uint256 amount) external;

    /// @notice Takes `amount` by an allowance, for an operator who has the payer's signature over the terms.
    function authorizeWithAllowance(PaymentTerms calldata terms, uint256 amount, bytes calldata signature) external;

    /// @notice Holds more, up to the maximum of the terms that the payer has agreed to: tokens by the payer's allowance,
    /// for operator or payer; coins only as the payer sends them along. It takes a number of the payment's sequence.
    /// A payment with nothing held is over and does not grow.
    function incrementAuthorization(PaymentTerms calldata terms, uint256 amount, uint256 sequence) external payable;

    /// @notice The same by a further ERC-3009 signature over `amount`, valid until the authorization expires. Its nonce is
    /// `nonceOf` the hash of the payment's identifier and the number of this increment (`Headroom.increments` + 1): a key
    /// of its own, so that tokens with keyed nonces do not wait for increments that came by allowance.
    function incrementAuthorization(
        PaymentTerms calldata terms,
        uint256 amount,
        uint256 sequence,
        bytes calldata signature
    ) external;

    /// @notice Authorizes and captures at once.
    function charge(
        PaymentTerms calldata terms,
        uint256 amount,
        uint256 feeAmount,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external;

    function charge(PaymentTerms calldata terms, uint256 amount, uint256 feeAmount, bytes calldata signature) external;

    /// @notice Charges by an allowance, for an operator who has the payer's signature over the terms.
    function chargeWithAllowance(
        PaymentTerms calldata terms,
        uint256 amount,
        uint256 feeAmount,
        bytes calldata signature
    ) external;

    /// @notice Pays the receiver. Captures, voids, refunds and increments of a payment share one sequence, from 1 on: a
    /// number that was used is known to be done and has no effect, one that leaves a gap reverts. What `amount` has above
    /// the hold comes by the payer's allowance, as far as the terms' maximum reaches; such a capture is the last.
    function capture(PaymentTerms calldata terms, uint256 amount, uint256 feeAmount, uint256 sequence) external;

    /// @notice Returns all that is still held to the payer.
    function void(PaymentTerms calldata terms, uint256 sequence) external;

    /// @notice Returns all that is still held to the payer, who asks for it once the authorization has expired. It takes
    /// the next number of the sequence, so a void that was on its way has no effect any more.
    function reclaim(PaymentTerms calldata terms) external;

    /// @notice Returns captured money: tokens by the receiver's allowance, coins as sent along.
    function refund(PaymentTerms calldata terms, uint256 amount, uint256 sequence) external payable;

    /// @notice Pays accrued fees to the one they accrued for; anyone may ask.
    function sweepFees(address token, address feeReceiver) external;

    /// @notice What the escrow owes a fee receiver, in one word for each token.
    function accruedFees(address feeReceiver, address token) external view returns (uint256);
}
