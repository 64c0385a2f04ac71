<#
.SYNOPSIS
Enroll this device with Enlist, where there is no Python: Windows PowerShell 5.1 and curl.exe, which
Windows 10 (1803) and later bring along, are enough.

.DESCRIPTION
Makes a key that never leaves this device, and gets a certificate for it. After a crash or a lost
answer repeat the same command: nothing is used up twice. What it leaves in the folder is what
enlist-agent leaves there, which can go on with it.

This script was read with care, and its syntax was checked; its makers had no Windows to run it on.

Exit codes: 0 done; 1 refused, or PowerShell itself did not understand the options; 2 the command
must be changed, or the folder cannot be used; 3 no server that can be trusted answered.

.EXAMPLE
powershell -ExecutionPolicy Bypass -File enroll.ps1 CODE -Server https://enroll.example.com
#>
param(
    [string] $Secret,          # a link, token or code; - reads standard input
    [string] $Server,          # a link already names it
    [string] $State = 'enlist-device',
    [string] $Name,            # the machine's own
    [string] $Ca,              # trust this CA (PEM), and no other
    [string] $CaFingerprint,   # trust the server's own CA if it has this fingerprint, and no other
    [string] $AcceptTerms,     # accept the terms of use with this id, where that is asked for
    [string] $Ownership,       # employee_owned, corporate_dedicated or corporate_shared,
    [string] $AssetNumber,     # the device's asset number,
    [string] $Email            # your e-mail address: each where that is asked for
)

Set-StrictMode -Version 1
$ErrorActionPreference = 'Stop'

# What nobody foresaw is mostly a disk or a folder. Left to PowerShell it would end with 1: refused.
trap {
    Stop-Enrolling 2 "This cannot go on: $($_.Exception.Message) Nothing is lost: repeat the same command."
}

function Stop-Enrolling([int] $Code, [string] $Told) {
    # What a server says must not repaint the terminal.
    [Console]::Error.WriteLine(($Told -replace '\p{C}', ' '))
    exit $Code
}

# A file appears whole or not at all. With -Keep one that is already there stays.
function Save-Text([string] $File, [string] $Text, [switch] $Keep) {
    $temporary, $final = (Join-Path $script:Work 'file'), (Join-Path $script:Folder $File)
    [IO.File]::WriteAllText($temporary, $Text, [Text.UTF8Encoding]::new($false))
    try {
        [IO.File]::Move($temporary, $final)
    } catch {
        if (-not [IO.File]::Exists($final)) { throw }
        # A plain $null would become an empty text, which is no path.
        if (-not $Keep) { [IO.File]::Replace($temporary, $final, [NullString]::Value) }
    }
}

function Read-Text([string] $File) {
    $path = Join-Path $script:Folder $File
    if ([IO.File]::Exists($path)) { [IO.File]::ReadAllText($path) } else { '' }
}

function ConvertTo-Pem([string] $Label, [byte[]] $Bytes) {
    $lines = [Convert]::ToBase64String($Bytes) -split '(.{64})' | Where-Object { $_ }
    ((@("-----BEGIN $Label-----") + $lines + "-----END $Label-----") -join "`n") + "`n"
}

# The bytes of the first block of a PEM text.
function ConvertFrom-Pem([string] $Text) {
    if ($Text -notmatch '(?s)-----BEGIN [A-Z ]+-----(.*?)-----END') { throw 'It is no PEM.' }
    , [Convert]::FromBase64String(($Matches[1] -replace '\s', ''))
}

function ConvertTo-Certificate([string] $Pem) {
    [Security.Cryptography.X509Certificates.X509Certificate2]::new([byte[]] (ConvertFrom-Pem $Pem))
}

function Get-Sha256([byte[]] $Bytes) {
    $digest = [Security.Cryptography.SHA256]::Create().ComputeHash($Bytes)
    [BitConverter]::ToString($digest).Replace('-', '').ToLowerInvariant()
}

# Takes a link apart, https://HOST/enroll/HANDLE#t=TOKEN: the server never sees what follows #.
function Read-Secret {
    $given = $script:Secret
    if (-not $given) {
        Stop-Enrolling 2 'Give a link, a token or a code. Get-Help .\enroll.ps1 -Full says more.'
    }
    if ($given -eq '-') { $given = [Console]::In.ReadLine() }
    if (-not $given) { Stop-Enrolling 2 'Standard input holds no token.' }
    if ($given -match '^(?<server>[a-z]+://.+)/enroll([/?][^#]*)?#t=(?<token>[^&?]+)') {
        if (-not $script:Server) { $script:Server = $Matches['server'] }
        $given = $Matches['token']
    } elseif ($given -match '://') {
        Stop-Enrolling 2 'This link has lost its end, the part after #t=. Copy the whole link.'
    } elseif ($given -match '\.jwt$') {
        Stop-Enrolling 2 'A JWT needs enlist-agent; this script takes a link, a token or a code.'
    }
    if ($given -cnotmatch '^[A-Za-z0-9_. -]+\z') {
        Stop-Enrolling 2 'This is neither a token nor a code. Copy it once more.'
    }
    $given
}

function Read-Server {
    $address = $script:Server.TrimEnd('/')
    if (-not $address) {
        Stop-Enrolling 2 'Which server? Give -Server https://HOST, or the whole link of your message.'
    }
    if ($address -cnotmatch '^[\[\]A-Za-z0-9:/._~%-]+\z') {
        Stop-Enrolling 2 'The address of the server cannot be read.'
    }
    if ($address -cmatch '^https://.') { return $address, 'https' }
    if ($address -cmatch '^http://(localhost|127\.0\.0\.1)([:/]|\z)') {
        if ($script:CaFingerprint) { Stop-Enrolling 2 '-CaFingerprint needs an https:// address.' }
        return $address, 'http'
    }
    if ($address -cmatch '^http://') {
        Stop-Enrolling 2 'Plain http:// is for localhost only: others could read the token. Use https://'
    }
    Stop-Enrolling 2 "A server's address is written in full, for example https://enlist.example.com"
}

# Whoever else could change the folder could put a key of his own there, and whoever can read the key
# is the device. The system and its administrators can do both anyway.
function Assert-Own([string] $Path) {
    $me = [Security.Principal.WindowsIdentity]::GetCurrent().User.Value
    $trusted = @($me, 'S-1-5-18', 'S-1-5-32-544', 'S-1-3-0', 'S-1-3-4')
    $kind = [Security.Principal.SecurityIdentifier]
    $acl = Get-Acl -LiteralPath $Path
    if ($trusted -notcontains $acl.GetOwner($kind).Value) {
        Stop-Enrolling 2 ("$Path belongs to $($acl.Owner). Run the command as its owner, or give -State " +
            'a folder of your own.')
    }
    $others = @($acl.GetAccessRules($true, $true, $kind) | Where-Object {
            $_.AccessControlType -eq 'Allow' -and $trusted -notcontains $_.IdentityReference.Value })
    if ($others.Count) {
        Stop-Enrolling 2 ("$Path is open to other users ($($others[0].IdentityReference.Value)). Whoever " +
            'has a copy of its key is this device. Give -State a new folder.')
    }
}

function Open-Folder {
    $folder = $ExecutionContext.SessionState.Path.GetUnresolvedProviderPathFromPSPath($script:State)
    [void][IO.Directory]::CreateDirectory($folder)
    if ((Get-Item -Force -LiteralPath $folder).LinkType) {
        Stop-Enrolling 2 "$folder is a link, which may lead elsewhere tomorrow. Give -State the folder itself."
    }
    $held = @(Get-ChildItem -Force -LiteralPath $folder | ForEach-Object { $_.Name })
    if (-not $held.Count) {
        # This user alone: what is put there inherits it. Two steps, for what was granted by name stays.
        $me = [Security.Principal.WindowsIdentity]::GetCurrent().User.Value
        & icacls.exe $folder /reset | Out-Null
        & icacls.exe $folder /inheritance:r /grant:r "*${me}:(OI)(CI)F" | Out-Null
    } elseif ($held -notcontains 'key.pem') {
        Stop-Enrolling 2 "$folder holds files of others. Give -State a folder of its own."
    } else {
        Assert-Own (Join-Path $folder 'key.pem')
    }
    Assert-Own $folder
    if ($held -contains 'state.json') {
        Stop-Enrolling 1 ("Refused: $folder already holds an enrolled device. Give another -State " +
            'folder, or remove this one if its device was reset, or is gone for good.')
    }
    $folder
}

# Key and request are made once, before anything is sent: a repeated command sends the same again.
function Open-Key {
    $format = [Security.Cryptography.CngKeyBlobFormat]::Pkcs8PrivateBlob
    if (-not (Read-Text 'key.pem')) {
        $settings = [Security.Cryptography.CngKeyCreationParameters]::new()
        $settings.ExportPolicy = [Security.Cryptography.CngExportPolicies]::AllowPlaintextExport
        $algorithm = [Security.Cryptography.CngAlgorithm]::ECDsaP256
        # Without a name Windows keeps no copy of it; a plain $null would become an empty name.
        $made = [Security.Cryptography.CngKey]::Create($algorithm, [NullString]::Value, $settings)
        # Two that start at once end up with one key.
        Save-Text 'key.pem' (ConvertTo-Pem 'PRIVATE KEY' ($made.Export($format))) -Keep
    }
    try {
        $held = [Security.Cryptography.CngKey]::Import((ConvertFrom-Pem (Read-Text 'key.pem')), $format)
        $key = [Security.Cryptography.ECDsaCng]::new($held)
    } catch {
        Stop-Enrolling 2 "$($script:Folder)\key.pem is damaged. Remove $($script:Folder), and begin anew."
    }
    if (-not (Read-Text 'request.pem')) {
        # The server alone decides whom the certificate names; the subject is only a form.
        $request = [Security.Cryptography.X509Certificates.CertificateRequest]::new(
            'CN=device', $key, [Security.Cryptography.HashAlgorithmName]::SHA256)
        Save-Text 'request.pem' (ConvertTo-Pem 'CERTIFICATE REQUEST' ($request.CreateSigningRequest()))
    }
    $key
}

# curl.exe, patient with what passes, whatever a _curlrc says. Gives the status and the answer's text.
function Invoke-Server([string[]] $Words) {
    $answer, $trouble = (Join-Path $script:Work 'answer'), (Join-Path $script:Work 'trouble')
    [IO.File]::WriteAllText($answer, '')
    $options = @('-q', '--silent', '--show-error', '--stderr', $trouble, '--output', $answer,
        '--write-out', '%{http_code}', '--user-agent', 'enroll.ps1', '--tlsv1.2',
        '--proto', "=$($script:Protocol)", '--max-time', '60', '--max-filesize', '1048576',
        '--retry', '5', '--retry-max-time', '60') + $Words
    $status = & curl.exe $options
    if ($LASTEXITCODE -eq 0) { return [int] $status, [IO.File]::ReadAllText($answer) }
    $told = if ([IO.File]::Exists($trouble)) { [IO.File]::ReadAllText($trouble).Trim() } else { 'curl failed' }
    if ($LASTEXITCODE -in 35, 51, 60, 77, 83, 90, 91) {
        Stop-Enrolling 3 ("The certificate of $($script:Server) is not trusted here, so nothing was " +
            "sent ($told). If your administrator gave you the CA's file or fingerprint, add -Ca FILE " +
            'or -CaFingerprint sha256:...; otherwise do not go on.')
    }
    Stop-Enrolling 3 ("$($script:Server) cannot be reached ($told). Nothing is lost: repeat the same " +
        'command later.')
}

# The options that make curl trust the named CA and no other. One that is known by its fingerprint
# is fetched over a connection that proves nothing, and believed only for that fingerprint.
function Get-Trust {
    if ($script:Ca) {
        try {
            $pem = [IO.File]::ReadAllText((Get-Item -Force -LiteralPath $script:Ca).FullName)
            [void](ConvertTo-Certificate $pem)
        } catch {
            Stop-Enrolling 2 "$($script:Ca) holds no certificate in PEM form."
        }
    } elseif ($script:CaFingerprint) {
        $wanted = ($script:CaFingerprint -replace '^sha-?256[:=]', '' -replace '[:\s]', '').ToLowerInvariant()
        if ($wanted -notmatch '^[0-9a-f]{64}\z') {
            Stop-Enrolling 2 'The fingerprint of a CA is sha256: and 64 hexadecimal digits. Copy it once more.'
        }
        $status, $pem = Invoke-Server @('--insecure', "$($script:Server)/pki/root.pem")
        try { $found = ConvertFrom-Pem $pem } catch { $found = [byte[]] @() }
        if ((Get-Sha256 $found) -ne $wanted) {
            Stop-Enrolling 3 ("$($script:Server) shows another CA than the one asked for, so nothing was " +
                'sent. Ask your administrator which is right: somebody may be between this device and ' +
                'the server.')
        }
        $pem = ConvertTo-Pem 'CERTIFICATE' $found
    } else {
        return @()
    }
    Save-Text 'ca.pem' $pem
    # Windows would refuse a CA whose revocation list it cannot ask for.
    @('--cacert', (Join-Path $script:Folder 'ca.pem'), '--ssl-no-revoke')
}

function Send-Request([string] $Token, [string[]] $Trust) {
    $called = if ($script:Name) { $script:Name } else { [Environment]::MachineName }
    $device = [ordered] @{ name = $called; platform = 'windows' }
    if ($script:Ownership) { $device.ownership = $script:Ownership }
    if ($script:AssetNumber) { $device.asset_number = $script:AssetNumber }
    if ($script:Email) { $device.email = $script:Email }
    $request = [ordered] @{ token = $Token; device = $device; csr = (Read-Text 'request.pem') }
    if ($script:AcceptTerms) { $request.accepted_terms = $script:AcceptTerms }
    $body = Join-Path $script:Work 'body'
    $text = ConvertTo-Json -Compress $request
    [IO.File]::WriteAllText($body, $text, [Text.UTF8Encoding]::new($false))
    # The same request has the same name each time, and nobody else can know it.
    $again = Get-Sha256 ([Text.Encoding]::UTF8.GetBytes((Read-Text 'key.pem') + $text))
    Invoke-Server ($Trust + @('--header', 'Content-Type: application/json',
            '--header', "Idempotency-Key: $($again.Substring(0, 32))",
            '--data-binary', "@$body", "$($script:Server)/api/v1/redeem"))
}

# Checks that the certificate is for our key, and puts it on the disk; state.json comes last.
function Save-Answer([int] $Status, [string] $Text, $Key) {
    try { $told = ConvertFrom-Json $Text } catch { $told = $null }
    if ($Status -lt 200 -or $Status -ge 300) {
        if (-not $told -or -not $told.title) {
            Stop-Enrolling 3 "$($script:Server) answers $Status, but not as Enlist does. Check the address."
        }
        $support = if ($told.support_code) { " (support code $($told.support_code))" } else { '' }
        Stop-Enrolling 1 "Refused: $("$($told.title)".TrimEnd('.')). $($told.detail)$support"
    }
    $point = $Key.ExportParameters($false).Q
    $ours = [BitConverter]::ToString([byte[]] (@(4) + $point.X + $point.Y))
    try {
        $leaf = ConvertTo-Certificate $told.certificate
        $theirs = [BitConverter]::ToString($leaf.GetPublicKey())
        # Of the chain, enlist-agent will trust whom it names; of none it could trust nobody.
        [void](ConvertTo-Certificate $told.chain)
    } catch {
        $leaf, $theirs = $null, ''
    }
    if ($theirs -ne $ours -or -not $told.device.id) {
        Stop-Enrolling 3 ("$($script:Server) answered, but not with a certificate for this device's " +
            'key. Nothing was kept. Tell your administrator.')
    }
    $called = if ($told.device.name) { $told.device.name } else { $told.device.id }
    Save-Text 'chain.pem' $told.chain
    Save-Text 'certificate.pem' $told.certificate
    $device = [ordered] @{ id = $told.device.id; name = $called }
    $kept = [ordered] @{ server = $script:Server; device_url = $told.device_url; device = $device }
    Save-Text 'state.json' ((ConvertTo-Json $kept) + "`n")
    $until = $leaf.NotAfter.ToUniversalTime().ToString('yyyy-MM-ddTHH:mm:ssZ')
    "Enrolled $called at $($script:Server) as device $($told.device.id)." -replace '\p{C}', ' '
    "Key and certificate are in $($script:Folder), good until $until."
}

if ($env:OS -ne 'Windows_NT') { Stop-Enrolling 2 'This script is for Windows; elsewhere take enroll.sh.' }
if ($args.Count) { Stop-Enrolling 2 'There is no such option. Get-Help .\enroll.ps1 -Full lists them.' }
if ($AcceptTerms -match '[^A-Fa-f0-9-]') {
    Stop-Enrolling 2 'The id of terms of use is a row of digits, letters a to f and hyphens.'
}
if ($Ca -and $CaFingerprint) { Stop-Enrolling 2 'Give -Ca or -CaFingerprint, not both.' }
if (-not (Get-Command curl.exe -ErrorAction SilentlyContinue)) {
    Stop-Enrolling 2 'This needs curl.exe, which Windows 10 (1803) and later bring along.'
}
$token = Read-Secret
$Server, $Protocol = Read-Server
$Folder = Open-Folder
$Work = Join-Path $Folder ".new-$PID"
[void][IO.Directory]::CreateDirectory($Work)
try {
    $key = Open-Key
    $trust = @(Get-Trust)
    $status, $text = Send-Request $token $trust
    Save-Answer $status $text $key
} finally {
    Remove-Item -Recurse -Force -LiteralPath $Work
}
exit 0
