// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { IPaymentEscrow } from "./IPaymentEscrow.sol";

/// @title Gives payers who push an address for each payment, and moves what arrives there.
/// @notice What is deposited goes to the escrow or the wallet that its address was made from, or back to the sender;
/// nowhere else. An address is known, and can be paid to, before there is a contract on it.
interface IDepositAddresses {
    /// @param destination The escrow, or the intermediary's wallet. @param token Zero is the chain's own coin.
    /// @param amount Token units that are swept, never more or less. @param expiresAt Last second, exclusive, to sweep.
    /// @param returnTo Who gets back what is not swept; zero when the payer named nobody, and then an operator names the
    /// sender. @param paymentHash For an escrow: `hashUnpaidTerms` of the payment; zero for a wallet.
    /// @param salt Tells otherwise equal deposits apart.
    struct DepositTerms {
        address destination;
        address token;
        uint256 amount;
        uint48 expiresAt;
        address returnTo;
        bytes32 paymentHash;
        bytes32 salt;
    }

    event DepositSwept(
        address indexed depositAddress,
        address indexed destination,
        bytes32 indexed salt,
        address token,
        uint256 amount
    );
    event DepositReturned(
        address indexed depositAddress,
        address indexed recipient,
        bytes32 indexed salt,
        address token,
        uint256 amount
    );

    error AlreadySwept(address depositAddress);
    error DepositExpired(uint48 expiredAt, uint256 now_);
    /// @notice Less has arrived than the deposit is for.
    error DepositShort(uint256 expected, uint256 arrived);
    /// @notice The terms are not those that the address was made from.
    error TermsMismatch(address depositAddress);
    /// @notice More is asked for than may go back now: until it expires, what a deposit is for waits to be swept.
    error ReturnExceedsSurplus(uint256 surplus, uint256 requested);
    error RecipientNotAllowed(address recipient);
    error AmountZero();
    error ReceivedTooLittle(uint256 expected, uint256 received);

    /// @notice Where to pay to.
    function depositAddressOf(DepositTerms calldata terms) external view returns (address);

    /// @notice The hash of a payment's terms but for the payer, who is the deposit address itself and hangs on this hash.
    function hashUnpaidTerms(IPaymentEscrow.PaymentTerms calldata paymentTerms) external pure returns (bytes32);

    function isSwept(address depositAddress) external view returns (bool);

    /// @notice Moves exactly the amount to the wallet, once; anyone may ask.
    function sweepToWallet(DepositTerms calldata terms) external;

    /// @notice Authorizes the payment with exactly the amount, once; anyone may ask. The payer of the payment is the deposit
    /// address, so that voids, reclaims and refunds come back to it and can be returned from there.
    function sweepToEscrow(DepositTerms calldata terms, IPaymentEscrow.PaymentTerms calldata paymentTerms) external;

    /// @notice Has the deposit address reclaim an expired authorization; anyone may ask.
    function reclaim(DepositTerms calldata terms, IPaymentEscrow.PaymentTerms calldata paymentTerms) external;

    /// @notice Sends back what is over, short, late, a second deposit or of another token. To the terms' `returnTo`, for
    /// anyone who asks; where there is none, to the sender that an operator names. `returnTo` itself may also take back
    /// what still waits to be swept.
    function returnDeposit(DepositTerms calldata terms, address token, address recipient, uint256 amount) external;
}
