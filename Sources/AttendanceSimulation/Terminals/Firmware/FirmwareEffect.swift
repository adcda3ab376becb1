import AttendanceCore

/// A moment as a terminal needs it: for its timers, and for its clock.
package struct Moment: Hashable, Sendable {
    /// Since some beginning; never goes back.
    package var elapsed: Duration
    package var time: UnixTime

    package init(elapsed: Duration, time: UnixTime) {
        self.elapsed = elapsed
        self.time = time
    }

    package static func + (moment: Moment, duration: Duration) -> Moment {
        Moment(elapsed: moment.elapsed + duration, time: moment.time + duration)
    }
}

/// What a firmware wants done, in this order.
package enum FirmwareEffect: Hashable, Sendable {
    /// To be on the flash before anything that follows happens.
    case write(FlashEntry)
    /// When it suits: gone when the power goes before.
    case writeLazily(FlashEntry)
    /// Everything lazy is written: an orderly restart.
    case settle
    case send(String)
    case dial
    /// The connection ends without a word.
    case hangUp
    /// The connection is given up, and the server will not hear of it.
    case abandon
}

/// What became of a person at the terminal.
package enum PunchOutcome: Hashable, Sendable {
    /// The person saw the OK: the record of that number is in the memory, and stays.
    case accepted(Int)
    /// The record is in the memory, the server was asked, the door waits. See `DeviceLedger.doorOpenings`.
    case asked(Int)
    /// Nobody the terminal knows, or with nothing it could recognise.
    case unknown
    /// Known, and switched off by `enableuser`.
    case notAllowed
    /// `disabledevice` is in force.
    case recognitionOff
    /// The server has to be asked and cannot be.
    case serverNeeded
    case noPower

    /// The number of the record, where one was made.
    package var record: Int? {
        switch self {
        case .accepted(let number), .asked(let number): number
        default: nil
        }
    }
}

/// By what someone was recognised.
package enum PunchMethod: Hashable, Sendable {
    case finger, card, password, face
}
