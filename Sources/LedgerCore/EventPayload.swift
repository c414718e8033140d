/// What happened, by type (accounting.md §2).
public indirect enum EventPayload: Hashable, Sendable {
    case opened(PositionOpened)
    case fill(Fill)
    case funding(Funding)
    case fee(Fee)
    case feeValued(FeeValuation)
    case mark(Mark)
    case adjustment(Adjustment)
    case closeRequested(reason: String)
    case closed(CloseReason)
    case cancelled(reason: String)
    case voided(EventVoid)

    /// The type whose payload it is.
    public var type: EventType {
        switch self {
        case .opened: .positionOpened
        case .fill: .legFillRecorded
        case .funding: .fundingRecorded
        case .fee: .feeRecorded
        case .feeValued: .feeValued
        case .mark: .markRecorded
        case .adjustment: .adjustmentRecorded
        case .closeRequested: .closeRequested
        case .closed: .positionClosed
        case .cancelled: .positionCancelled
        case .voided: .eventVoided
        }
    }

    /// The leg that it concerns, for the types that name one.
    public var leg: String? {
        switch self {
        case .fill(let fill): fill.leg
        case .funding(let funding): funding.leg
        case .fee(let fee): fee.leg
        case .mark(let mark): mark.leg
        case .adjustment(let adjustment): adjustment.leg
        case .opened, .feeValued, .closeRequested, .closed, .cancelled, .voided: nil
        }
    }

    /// The event that a venue's corrected fact stands in for.
    public var replaces: UUID? {
        switch self {
        case .fill(let fill): fill.replaces
        case .funding(let funding): funding.replaces
        default: nil
        }
    }
}
