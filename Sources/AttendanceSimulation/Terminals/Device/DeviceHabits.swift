/// How long a terminal waits for what, and how it behaves beyond its firmware: what the menu of a real one sets.
package struct DeviceHabits: Hashable, Sendable {
    /// What a terminal that lets the server decide does with nobody to ask.
    package enum Offline: Hashable, Sendable {
        /// Opens and remembers the punch.
        case open
        /// Neither opens nor remembers it.
        case refuse
    }

    /// Repeats an unanswered `reg` after this long.
    package var registrationRepeat: Duration = .seconds(20)
    /// Cuts the connection when a batch is not answered for this long (Q2).
    package var patience: Duration = .seconds(20)
    /// Repeats an unanswered `senduser` after this long.
    package var userRepeat: Duration = .seconds(5)
    /// Sends a refused batch, or registers again after a refusal, after this long.
    package var refusalWait: Duration = .seconds(20)
    /// Dials again after this long.
    package var redial: Duration = .seconds(30)
    /// From power to the first dialling.
    package var boot: Duration = .seconds(20)
    /// Sends `heartbeat`, or `checklive` where the firmware knows it, after this long without a word; nil: never.
    package var heartbeat: Duration?
    /// Someone at the door waits this long for the server's word.
    package var approvalPatience: Duration = .seconds(5)
    /// The server is asked before the door opens.
    package var asksApproval = false
    package var offline = Offline.refuse
    /// The door opens although the answer has no `access`.
    package var opensWithoutAccess = false
    /// Only the first punch of a person and day is pushed; the others wait for `getnewlog` (Q20).
    package var pushesFirstOfDayOnly = false
    /// A door that the server opened goes into the log, as event 3.
    package var reportsDoorEvents = false
    /// A face or finger nobody knows goes into the log as 99999999.
    package var reportsStrangers = false
    /// User numbers of up to 18 digits (Q25).
    package var takesLongIDs = false
    /// A person called by `adduser` has put down their finger after this long; nil: only when a test says so.
    package var enrolsAfter: Duration?

    package init() {}

    /// As real ones, but without the long waits between two attempts; what waits for an answer stays as it is.
    package static var quick: DeviceHabits {
        var habits = DeviceHabits()
        habits.refusalWait = .seconds(1)
        habits.redial = .milliseconds(200)
        habits.boot = .milliseconds(200)
        return habits
    }
}
