<#
.SYNOPSIS
    Starts Attendance Gateway inside WSL 2 when Windows starts, and keeps it running.

.DESCRIPTION
    Registers a scheduled task that holds a WSL distribution open in which the gateway's package is installed (systemd starts
    the gateway there), and lets terminals through the Windows firewall and the Hyper-V firewall of WSL.

    Not tested by the project, which has no Windows machine: docs/windows.md says what to look at after each step.
    Run in an elevated PowerShell, as the account that owns the distribution. -WhatIf shows what would be done.

.PARAMETER Distribution
    The WSL distribution, as in `wsl --list`.

.PARAMETER Port
    The port on which terminals connect ([Server] Port in config.ini).

.PARAMETER AtLogon
    Start when the account logs on, not when Windows starts. For versions of WSL that do not run before a logon.

.PARAMETER Remove
    Takes the task and the firewall rules away again. Nothing inside WSL is touched.
#>
[CmdletBinding(SupportsShouldProcess)]
param(
    [ValidatePattern('^[A-Za-z0-9._-]+$')] [string] $Distribution = 'Debian',
    [ValidateRange(1, 65535)] [int] $Port = 8080,
    [switch] $AtLogon,
    [switch] $Remove
)

Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'
$name = 'Attendance Gateway'
# In the rules' names, because a second one with the same name would be an error.
$rule = 'AttendanceGateway'
# WSL's own, see Get-NetFirewallHyperVVMCreator.
$wslCreator = '{40E0AC32-46A5-438A-A0B2-2B479E8F2E90}'
$wsl = Join-Path $env:SystemRoot 'System32\wsl.exe'

$identity = [Security.Principal.WindowsIdentity]::GetCurrent()
$isElevated = ([Security.Principal.WindowsPrincipal] $identity).IsInRole(
    [Security.Principal.WindowsBuiltInRole]::Administrator)
if (-not $isElevated) { throw 'Run this in an elevated PowerShell (Run as administrator).' }
$hasHyperVFirewall = $null -ne (Get-Command New-NetFirewallHyperVRule -ErrorAction SilentlyContinue)

function Remove-Rules {
    Get-NetFirewallRule -Name $rule -ErrorAction SilentlyContinue | Remove-NetFirewallRule
    if ($hasHyperVFirewall) {
        Get-NetFirewallHyperVRule -Name $rule -ErrorAction SilentlyContinue | Remove-NetFirewallHyperVRule
    }
}

if ($Remove) {
    if ($PSCmdlet.ShouldProcess($name, 'Remove the task and the firewall rules')) {
        Get-ScheduledTask -TaskName $name -ErrorAction SilentlyContinue | Unregister-ScheduledTask -Confirm:$false
        Remove-Rules
        Write-Output 'Removed the task and the firewall rules. WSL itself is as it was.'
    }
    return
}

# MARK: What must be there

# wsl.exe writes UTF-16 otherwise, and the names would not compare.
$env:WSL_UTF8 = '1'
$known = @(& $wsl --list --quiet | ForEach-Object { $_.Trim() } | Where-Object { $_ })
if ($known -notcontains $Distribution) {
    throw "This account has no WSL distribution '$Distribution'. It has: $($known -join ', '). docs/windows.md, step 1."
}
& $wsl --distribution $Distribution --user root --exec systemctl is-enabled --quiet attendance-gateway
if ($LASTEXITCODE -ne 0) {
    throw "attendance-gateway is not installed in '$Distribution', or WSL runs it without systemd. docs/windows.md, steps 2 and 3."
}
$settings = Join-Path $env:USERPROFILE '.wslconfig'
$isMirrored = (Test-Path $settings) -and
    (Select-String -Path $settings -Pattern '^\s*networkingMode\s*=\s*mirrored\s*$' -Quiet)
if (-not ($isMirrored -and $hasHyperVFirewall)) {
    throw "Terminals would not reach WSL: it is not in mirrored mode, or this Windows is older than Windows 11 22H2. docs/windows.md, step 4."
}

# MARK: The task

# What runs in it for ever keeps WSL from putting the distribution to sleep.
$action = New-ScheduledTaskAction -Execute $wsl `
    -Argument "--distribution $Distribution --user root --exec sleep infinity"
# The second trigger starts it again where it has ended; while it runs, IgnoreNew lets nothing happen.
$again = New-ScheduledTaskTrigger -Once -At (Get-Date) -RepetitionInterval (New-TimeSpan -Minutes 5)
if ($AtLogon) {
    $triggers = @((New-ScheduledTaskTrigger -AtLogOn -User $identity.Name), $again)
} else {
    $triggers = @((New-ScheduledTaskTrigger -AtStartup), $again)
}
$options = New-ScheduledTaskSettingsSet -AllowStartIfOnBatteries -DontStopIfGoingOnBatteries -StartWhenAvailable `
    -ExecutionTimeLimit ([TimeSpan]::Zero) -MultipleInstances IgnoreNew
if ($PSCmdlet.ShouldProcess($name, "Register a task of $($identity.Name) that holds $Distribution open")) {
    $task = @{
        TaskName = $name; Action = $action; Trigger = $triggers; Settings = $options; Force = $true
        Description = "Holds WSL's $Distribution open, in which systemd runs attendance-gateway."
    }
    if ($AtLogon) {
        Register-ScheduledTask @task -User $identity.Name | Out-Null
    } else {
        $credential = Get-Credential -UserName $identity.Name `
            -Message "The password of this account (no PIN): Windows needs it to start the task before anyone logs on."
        Register-ScheduledTask @task -User $credential.UserName `
            -Password $credential.GetNetworkCredential().Password | Out-Null
    }
    Start-ScheduledTask -TaskName $name
    Start-Sleep -Seconds 10
    $state = (Get-ScheduledTask -TaskName $name).State
    if ($state -ne 'Running') {
        $result = (Get-ScheduledTaskInfo -TaskName $name).LastTaskResult
        Write-Warning "The task does not stay (state $state, result $result): this WSL does not run without a logon. Update it (wsl --update), or register with -AtLogon."
    }
}

# MARK: The network

if ($PSCmdlet.ShouldProcess("port $Port", 'Let terminals through the firewalls')) {
    Remove-Rules
    New-NetFirewallRule -Name $rule -DisplayName $name -Direction Inbound -Action Allow -Protocol TCP -LocalPort $Port `
        -Profile Domain, Private | Out-Null
    New-NetFirewallHyperVRule -Name $rule -DisplayName $name -Direction Inbound -Action Allow -Protocol TCP -LocalPorts $Port `
        -VMCreatorId $wslCreator | Out-Null
    if (Get-NetConnectionProfile | Where-Object NetworkCategory -eq 'Public') {
        Write-Warning 'A network of this machine is Public, where the rule does not hold: Set-NetConnectionProfile -NetworkCategory Private.'
    }
    Write-Output "Done. Restart Windows, do not log on, and look from another machine: http://THIS-MACHINE:$Port/health"
}
